/** What a window is compared with when that is its season: never with itself, and by the same counts in rounds and questions. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { answerDrift } from "../../../../../engine/monitor/drift/drift-question.ts";
import {
  profileFor,
  type Span,
  seasonReachMs,
} from "../../../../../engine/monitor/drift/season-reference.ts";
import { hourCounts, START_MS, VERSION } from "../../../../support/drift-rounds.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

async function seasonOf(startMs: number, endMs: number): Promise<readonly Span[]> {
  const { season } = await profileFor(async () => [], VERSION, "season", startMs, endMs);
  return season ?? [];
}

describe("the season of a window", () => {
  it("is the same hours of four weeks before, the latest first", async () => {
    const starts = (await seasonOf(START_MS, START_MS + HOUR_MS)).map(([startS]) => startS * 1000);
    assert.deepEqual(
      starts,
      [7, 14, 21, 28].map((days) => START_MS - days * DAY_MS),
    );
  });

  it("of more than a week holds no row of the window, nor any twice", async () => {
    for (const days of [7, 8, 14, 30]) {
      const spans = await seasonOf(START_MS, START_MS + days * DAY_MS);
      const ends = [START_MS / 1000, ...spans.map(([startS]) => startS)];
      for (const [at, [startS, endS]] of spans.entries()) {
        assert.ok(endS <= (ends[at] as number), `${days} days, span ${at}`);
        assert.equal((START_MS / 1000 - startS) % (7 * 86_400), 0, "the same hour of the week");
      }
      assert.equal(
        START_MS / 1000 + days * 86_400 - (spans.at(-1)?.[0] ?? 0),
        seasonReachMs(days * DAY_MS) / 1000,
      );
    }
  });

  it("has the reference's bins with the season's counts, and is the reference itself when that is asked for", async () => {
    const sum = async () => [...hourCounts(0), ...hourCounts(1).map((count) => ({ ...count, variant: "b" }))];
    const { profile } = await profileFor(sum, VERSION, "season", START_MS, START_MS + HOUR_MS);
    const [column] = profile.columns;
    const rows = [...hourCounts(0), ...hourCounts(1)].reduce((total, { count }) => total + count, 0);
    assert.deepEqual([profile.rows, column?.count], [rows, rows]);
    assert.deepEqual((await profileFor(sum, VERSION, "reference", 0, 1)).profile, VERSION.profile);
  });
});

describe("a question about a window that is compared with its season", () => {
  const ask = async (compare_with: string, agoMs: number) => {
    const asked: Span[] = [];
    const toMs = START_MS - agoMs;
    const answer = await answerDrift(
      {
        sum: async (_, spans) => {
          asked.push(...spans);
          return hourCounts(0);
        },
        refused: async () => 0,
        settingsOf: async () => ({ compare_with }),
      },
      { version: VERSION, fromMs: toMs - 90 * 60_000, toMs, nowMs: START_MS },
    );
    return { answer, asked };
  };

  it("says so, and which windows that are", async () => {
    const { answer, asked } = await ask("season", 60_000);
    assert.equal(answer.compared_with, "season");
    assert.deepEqual(
      answer.season?.map(({ from, to }) => [Date.parse(from) / 1000, Date.parse(to) / 1000]),
      asked.slice(1),
    );
    const { answer: plain } = await ask("reference", 60_000);
    assert.deepEqual([plain.compared_with, plain.season], ["reference", undefined]);
  });

  it("asks for whole hours as soon as the first week before has no minutes any more", async () => {
    const { answer: recent } = await ask("season", 10 * DAY_MS + 60_000);
    assert.equal(recent.from.slice(14, 16), "29");
    const { asked } = await ask("season", 12 * DAY_MS + 60_000);
    assert.ok(asked.every(([startS, endS]) => startS % 3_600 === 0 && endS % 3_600 === 0));
    const { answer: plain } = await ask("reference", 12 * DAY_MS + 60_000);
    assert.equal(plain.from.slice(14, 16), "29", "the reference needs none");
  });
});
