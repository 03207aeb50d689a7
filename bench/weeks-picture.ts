/** AUC by week of two replays as an SVG: grey without the loop, blue with it; a mark where a new version took over. Pure. */

export interface PicturedWeek {
  readonly week: number;
  readonly version: string;
  readonly auc: number | null;
}

const WIDTH = 880;
const HEIGHT = 300;
const LEFT = 44;
const BOTTOM = 30;
const TOP = 24;
const LOW = 0.5;

export function weeksPicture(off: readonly PicturedWeek[], on: readonly PicturedWeek[]): string {
  const last = off.length;
  const x = (week: number): number => LEFT + ((week - 1) / Math.max(1, last - 1)) * (WIDTH - LEFT - 12);
  const y = (auc: number): number => TOP + ((1 - auc) / (1 - LOW)) * (HEIGHT - TOP - BOTTOM);
  const line = (weeks: readonly PicturedWeek[], color: string, width: number): string => {
    const points = weeks.flatMap(({ week, auc }) =>
      auc === null ? [] : [`${x(week).toFixed(1)},${y(auc).toFixed(1)}`],
    );
    return `<polyline points="${points.join(" ")}" fill="none" stroke="${color}" stroke-width="${width}"/>`;
  };
  const grid = [0.5, 0.6, 0.7, 0.8, 0.9, 1].map(
    (auc) =>
      `<line x1="${LEFT}" x2="${WIDTH - 12}" y1="${y(auc)}" y2="${y(auc)}" stroke="#ddd"/><text x="${LEFT - 6}" y="${y(auc) + 4}" text-anchor="end">${auc.toFixed(1)}</text>`,
  );
  const weeksShown = off.filter(({ week }) => week % 10 === 0 || week === 1);
  const labels = weeksShown.map(
    ({ week }) => `<text x="${x(week)}" y="${HEIGHT - 10}" text-anchor="middle">${week}</text>`,
  );
  const swaps = on.flatMap(({ week, version }, index) => {
    if (index === 0 || on[index - 1]?.version === version) return [];
    return [
      `<line x1="${x(week)}" x2="${x(week)}" y1="${TOP}" y2="${HEIGHT - BOTTOM}" stroke="#2563eb" stroke-dasharray="2 4"/>`,
    ];
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="11" fill="#444">
<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>
<text x="${LEFT}" y="14">ROC AUC by week: <tspan fill="#2563eb">loop on</tspan>, <tspan fill="#888">loop off</tspan>; dotted: a retrained version takes over</text>
${[...grid, ...labels, ...swaps].join("\n")}
${line(off, "#999", 1.5)}
${line(on, "#2563eb", 2)}
</svg>
`;
}
