/** The style sheet of drift reports: light or dark as the reader's system has it, and fit for paper. */
export const DRIFT_STYLE = `
:root { color-scheme: light dark; --ink: #1a2430; --soft: #5b6876; --line: #dde3ea; --paper: #fff; --card: #f6f8fa;
  --reference: #a3afbd; --current: #1f6fd6; --bad: #b3261e; --badpaper: #fde4e1; --warn: #7a4b00; --warnpaper: #fdefd0; --good: #0d5c2f; --goodpaper: #d9f2e3 }
@media (prefers-color-scheme: dark) { :root { --ink: #dfe6ee; --soft: #98a6b5; --line: #2b3643; --paper: #12181f; --card: #19212a;
  --reference: #66748a; --current: #63a4ff; --bad: #ffb4ab; --badpaper: #5c1d18; --warn: #ffd68a; --warnpaper: #4d3500; --good: #8fdcae; --goodpaper: #123d26 } }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: var(--ink); background: var(--paper) }
h1 { margin: 0 0 .25rem; font-size: 1.6rem } h2 { margin: 2.5rem 0 .5rem; font-size: 1.2rem } h3 { margin: 0 0 .5rem; font-size: 1rem; overflow-wrap: anywhere }
p { margin: .25rem 0 } a { color: inherit } code { font: 13px ui-monospace, monospace }
.soft, caption { color: var(--soft) } .scroll { overflow-x: auto }
.state { display: inline-block; padding: 0 .6rem; border-radius: 1rem; background: var(--card); color: var(--soft); font-weight: 600; white-space: nowrap }
.state.data_quality, .state.critical { background: var(--badpaper); color: var(--bad) }
.state.drift { background: var(--warnpaper); color: var(--warn) } .state.none { background: var(--goodpaper); color: var(--good) }
table { border-collapse: collapse; width: 100% } caption { text-align: left; padding-bottom: .25rem }
th, td { text-align: left; padding: .3rem .75rem .3rem 0; border-bottom: 1px solid var(--line); vertical-align: top } th { font-weight: 600 }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap } tbody th { font-weight: 400; overflow-wrap: anywhere }
section.column { border: 1px solid var(--line); border-radius: .6rem; padding: 1rem; margin: 1rem 0; break-inside: avoid }
section.column > div { display: grid; grid-template-columns: minmax(0, 3fr) minmax(14rem, 1fr); gap: 1rem }
@media (max-width: 46rem) { section.column > div { grid-template-columns: minmax(0, 1fr) } }
figure { margin: 0 } figcaption { color: var(--soft); font-size: .9rem } svg { width: 100%; height: auto; display: block; overflow: visible }
dl.numbers { display: grid; grid-template-columns: auto auto; gap: 0 .75rem; margin: 0; font-size: .9rem; align-content: start } dl.numbers dd { margin: 0; text-align: right; font-variant-numeric: tabular-nums } dl.numbers dt { color: var(--soft) }
dl.notes dt { font-weight: 600; margin-top: .75rem } dl.notes dd { margin: 0; max-width: 50rem } details { margin-top: .5rem } summary { cursor: pointer; color: var(--soft) }
.key { display: inline-block; width: .8rem; height: .8rem; border-radius: 2px; vertical-align: -1px } .key.reference { background: var(--reference) } .key.current { background: var(--current) }
rect.reference { fill: var(--reference) } rect.current { fill: var(--current) }
svg text { font: 10px system-ui, sans-serif; fill: var(--soft) } svg .share { text-anchor: end } svg .grid { stroke: var(--line) } svg .axis { stroke: var(--soft) }
`;
