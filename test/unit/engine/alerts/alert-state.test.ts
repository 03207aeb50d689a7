/** The states of alerts: what raises and ends them, and that nothing counts twice. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Alert, changed } from "../../../../engine/alerts/alert.ts";
import { WORK_MAX, withChange, withOutcome } from "../../../../engine/alerts/alert-group.ts";
import { alertRow } from "../../../../engine/alerts/alert-json.ts";
import { resolveGroup } from "../../../../engine/alerts/alert-state.ts";
import {
  type IncidentNews,
  type Observation,
  observeIncidents,
} from "../../../../engine/alerts/observation.ts";
import { Book, MINUTE, observed, rule, START } from "../../../support/alerts.ts";
import { createRandom } from "../../../support/random.ts";

const HOUR = 60 * MINUTE;

describe("an alert", () => {
  it("is raised when the condition holds, and resolved when it does not", () => {
    const book = new Book();
    assert.deepEqual(book.rounds([1, 100], [2, 101], [3, 250], [4, 100]), ["", "raised", "", "resolved"]);
    const { alert, unstored, deliveries } = book.only();
    assert.equal(alert?.state, "resolved");
    assert.equal(alert?.value, 100);
    assert.deepEqual(
      unstored.map(({ number, change, alert }) => [number, change, alert.state, alert.value]),
      [
        [1, "raised", "raised", 101],
        [2, "resolved", "resolved", 100],
      ],
    );
    assert.deepEqual(
      deliveries.map(({ id, channel }) => [id, channel]),
      [
        [`${alert?.id}.raised`, "nats"],
        [`${alert?.id}.resolved`, "nats"],
      ],
    );
  });

  it("needs k of n windows, and ends once none of the latest n is a hit", () => {
    const book = new Book({ rules: [rule({ persistence: { needed: 2, considered: 3 } })] });
    assert.deepEqual(
      book.rounds([1, 200], [2, 0], [3, 0], [4, 200], [5, 0], [6, 200], [7, 0], [8, 0], [9, 0]),
      ["", "", "", "", "", "raised", "", "", "resolved"],
    );
    assert.equal(book.only().alert?.firstWindowStart, START + 15 * MINUTE);
  });

  it("is one for all that share its group, about the worst of them", () => {
    const book = new Book({
      rules: [rule({ metric: "drift.psi", condition: { op: ">=", threshold: 0.1 } })],
    });
    const psi = (n: number, column: string, value: number): Observation =>
      observed(n, value, { metric: "drift.psi", column });
    const first = book.round([psi(1, "amount", 0.2), psi(1, "hour", 0.4), psi(1, "country", 0.01)]);
    assert.deepEqual(
      first.map(({ change }) => change),
      ["raised"],
    );
    assert.deepEqual(book.only().alert?.columns, ["amount", "hour"]);
    assert.equal(book.only().alert?.value, 0.4);
    assert.deepEqual(book.round([psi(2, "amount", 0.3), psi(2, "hour", 0), psi(2, "country", 0.5)]), []);
    assert.deepEqual(book.only().alert?.columns, ["amount", "country"]);
    assert.equal(book.only().alert?.value, 0.5);
    const last = book.round([psi(3, "amount", 0), psi(3, "hour", 0), psi(3, "country", 0.05)]);
    assert.deepEqual(
      last.map(({ change }) => change),
      ["resolved"],
    );
  });

  it("is one for each group that the rule tells apart", () => {
    const book = new Book({ rules: [rule({ group_by: ["model", "column"] })] });
    book.round([
      observed(1, 200, { column: "a" }),
      observed(1, 200, { column: "b", version: "2.0.0" }),
      observed(1, 200, { column: "b" }),
      observed(1, 200, { column: "b", model: "churn" }),
    ]);
    assert.deepEqual(
      [...book.groups.values()].map(({ group }) => group),
      [
        { model: "fraud", column: "a" },
        { model: "fraud", column: "b" },
        { model: "churn", column: "b" },
      ],
    );
  });

  it("is not raised again before the cooldown is over, and then as another one", () => {
    const book = new Book({ rules: [rule({ cooldown: "30m" })] });
    assert.deepEqual(book.rounds([1, 200], [2, 0], [3, 200], [7, 200], [8, 200], [9, 200]), [
      "raised",
      "resolved",
      "",
      "",
      "raised",
      "",
    ]);
    const ids = book.only().unstored.map(({ alert }) => alert.id);
    assert.equal(new Set(ids).size, 2);
    assert.equal(book.only().unstored.at(-1)?.number, 3);
  });

  it("resolved by hand comes back after the cooldown, if the condition still holds", () => {
    const book = new Book();
    book.rounds([1, 200]);
    const [[key, group]] = [...book.groups] as [[string, ReturnType<Book["only"]>]];
    book.groups.set(key, resolveGroup(group, HOUR, { nowMs: START, detail: "known", by: "eve" }));
    assert.deepEqual(book.rounds([2, 200], [12, 200], [13, 200]), ["", "", "raised"]);
    assert.equal(book.only().unstored[1]?.alert.by, "eve");
    assert.equal(book.only().alert?.by, "");
  });

  it("that was acknowledged ends by itself too, and then nobody is named", () => {
    const book = new Book();
    book.rounds([1, 200]);
    const [[key, group]] = [...book.groups] as [[string, ReturnType<Book["only"]>]];
    const alert = { ...group.alert, by: "eve" } as Alert;
    book.groups.set(key, withChange(group, alert, { change: "acknowledged", nowMs: START }, []));
    assert.deepEqual(book.rounds([2, 300], [3, 0]), ["", "resolved"]);
    assert.deepEqual(
      book.only().unstored.map(({ alert: { state, by } }) => [state, by]),
      [
        ["raised", ""],
        ["acknowledged", "eve"],
        ["resolved", ""],
      ],
    );
  });

  it("becomes more severe, never less, and says so once", () => {
    const book = new Book({ rules: [rule({ severity: "info" })] });
    const severe = (n: number, severity: "warning" | "critical"): string =>
      book
        .round([observed(n, 200, { severity })])
        .map(({ change }) => change)
        .join();
    assert.deepEqual(
      [severe(1, "warning"), severe(2, "critical"), severe(3, "warning"), severe(4, "critical")],
      ["raised", "escalated", "", ""],
    );
    assert.equal(book.only().alert?.severity, "critical");
    assert.ok(book.only().deliveries[1]?.id.endsWith(".escalated.critical"));
  });

  it("is recorded in a silence, told when that is over, and not told if it is resolved before", () => {
    const book = new Book();
    const until = new Date(START + HOUR).toISOString();
    const from = new Date(START).toISOString();
    book.silences = [{ id: "s1", matcher: { model: "fraud" }, from, until, reason: "load test" }];
    assert.deepEqual(book.rounds([1, 200]), ["raised"]);
    assert.deepEqual(book.only().deliveries, []);
    assert.equal(book.only().unstored[0]?.detail, "silenced: load test");
    assert.equal(book.only().unstored[0]?.alert.silence, "s1");
    assert.deepEqual(book.round([], START + HOUR - 1), []);
    assert.deepEqual(
      book.round([], START + HOUR).map(({ change }) => change),
      ["unsilenced"],
    );
    assert.deepEqual(
      book.only().deliveries.map(({ id }) => id),
      [`${book.only().alert?.id}.raised`],
    );
    assert.deepEqual(book.round([], START + HOUR + 1), []);

    const other = new Book();
    other.silences = book.silences;
    assert.deepEqual(other.rounds([1, 200], [2, 0]), ["raised", "resolved"]);
    assert.deepEqual(other.only().deliveries, []);
  });

  it("is silenced only by what fits it wholly", () => {
    const told = (matcher: object): number => {
      const book = new Book();
      const [from, until] = [START, START + HOUR].map((ms) => new Date(ms).toISOString()) as [string, string];
      book.silences = [{ id: "s", matcher, from, until, reason: "r" }];
      book.round([observed(1, 200, { column: "a" }), observed(1, 300, { column: "b" })]);
      return book.only().deliveries.length;
    };
    assert.deepEqual(
      [
        { rule: "slow" },
        { metric: "latency.p99_ms", model: "*" },
        { column: "a" },
        { model: "churn" },
        { rule: "x" },
      ].map(told),
      [0, 0, 1, 1, 1],
    );
  });

  it("ends when its rule is gone, off, or groups by other fields", () => {
    for (const rules of [[], [rule({ enabled: false })], [rule({ group_by: ["model"] })]]) {
      const book = new Book();
      book.rounds([1, 200]);
      book.rules = rules;
      assert.deepEqual(
        book.round([observed(2, 0)]).map(({ change }) => change),
        ["resolved"],
      );
      assert.match(book.only().unstored[1]?.detail ?? "", /^the rule slow was removed/);
      book.settle();
      book.round([observed(3, 0)]);
      assert.equal(book.groups.size, 0);
    }
  });

  it("is of windows of one length", () => {
    const book = new Book({ rules: [rule({ window: "1h" })] });
    assert.deepEqual(book.rounds([1, 200]), [""]);
    const hour = observed(12, 200, { windowStart: START });
    assert.equal(book.round([hour]).length, 1);
    const each = new Book({ rules: [rule({ persistence: { needed: 2, considered: 2 } })] });
    each.round([observed(12, 200), hour]);
    assert.equal(each.only().alert, null);
    assert.equal(each.only().series.length, 2);
  });

  it("of an incident lasts as long as it does, and is as severe", () => {
    const rules = [rule({ metric: "drift.incident", condition: { op: ">=", threshold: 1 } })];
    const book = new Book({ rules });
    const news = (
      n: number,
      change: IncidentNews["change"],
      severity: "warning" | "critical",
    ): IncidentNews => {
      const columns = Array.from({ length: 12 }, (_, index) => ({ column: `c${index}` }));
      const incident = {
        model: "fraud",
        version: "1.0.0",
        variant: "",
        cause: "drift",
        severity,
        columns,
      } as const;
      return { change, atMs: START + n * HOUR, incident };
    };
    const tell = (...all: IncidentNews[]): string[] =>
      book.round(observeIncidents(all)).map(({ change }) => change);
    assert.deepEqual(tell(news(1, "opened", "warning")), ["raised"]);
    assert.equal(book.only().alert?.severity, "warning");
    assert.equal(book.only().alert?.about, "columns c0, c1, c2, c3, c4, c5, c6, c7, c8, c9 and 2 more");
    assert.deepEqual(tell(news(5, "extended", "warning"), news(5, "escalated", "critical")), ["escalated"]);
    assert.deepEqual(tell(news(9, "closed", "critical"), news(9, "opened", "warning")), []);
    assert.deepEqual(tell(news(40, "closed", "critical")), ["resolved"]);
  });
});

describe("a round", () => {
  it("that is repeated changes nothing, even with other values", () => {
    const book = new Book({ rules: [rule({ cooldown: "1s" })] });
    book.rounds([1, 200], [2, 0], [3, 200]);
    const before = structuredClone(book.groups);
    assert.deepEqual(book.rounds([3, 200], [3, 0], [2, 200], [1, 0]), ["", "", "", ""]);
    assert.deepEqual(book.groups, before);
  });

  it("that is broken off anywhere and repeated, later too, gives what it gives at once", () => {
    const { seed, next: random } = createRandom();
    for (let trial = 0; trial < 100; trial++) {
      const rules = [
        rule({ cooldown: "10m", persistence: { needed: 2, considered: 3 }, group_by: ["model", "column"] }),
        rule({ name: "all", group_by: [], cooldown: "1s" }),
      ];
      const [whole, broken] = [new Book({ rules }), new Book({ rules })];
      for (let n = 1; n <= 12; n++) {
        const round = ["a", "b", "c"].map((column) => observed(n, random() < 0.4 ? 200 : 0, { column }));
        const nowMs = START + n * 5 * MINUTE;
        whole.round(round, nowMs);
        broken.round(round, nowMs, Math.floor(random() * 4));
        broken.round(round, nowMs);
        if (random() < 0.3) broken.round(round, nowMs);
      }
      assert.deepEqual(broken.groups, whole.groups, `TEST_SEED=${seed}`);
    }
  });

  it("that catches up gives what the rounds would have given in time", () => {
    const values = [200, 0, 200, 200, 0, 0, 200, 0, 200, 200];
    const late = new Book({ rules: [rule({ cooldown: "15m" })] });
    const inTime = new Book({ rules: [rule({ cooldown: "15m" })] });
    const all = values.map((value, index) => observed(index + 1, value));
    const nowMs = START + 100 * HOUR;
    late.round(all.toReversed(), nowMs);
    for (const one of all) inTime.round([one], nowMs);
    assert.deepEqual(late.groups, inTime.groups);
    assert.deepEqual(
      late.only().unstored.map(({ change, alert }) => [change, (alert.windowEnd - START) / (5 * MINUTE)]),
      [
        ["raised", 1],
        ["resolved", 2],
        ["raised", 7],
        ["resolved", 8],
      ],
    );
  });

  it("leaves out what is no number", () => {
    const book = new Book({ rules: [rule({ condition: { op: "<", threshold: 0.5 } })] });
    assert.deepEqual(book.rounds([1, Number.NaN], [2, Number.NEGATIVE_INFINITY]), ["", ""]);
    assert.equal(book.groups.size, 0);
  });

  it("keeps nothing of what is quiet, and forgets a group a day after its last hit", () => {
    const book = new Book();
    book.rounds([1, 0], [2, 50]);
    assert.equal(book.groups.size, 0);
    book.rounds([3, 200], [4, 0]);
    book.settle();
    book.round([observed(5, 0)]);
    book.round([observed(24 * 12, 0, { model: "churn" })]);
    assert.equal(book.groups.size, 1);
    assert.deepEqual(book.rounds([3, 200], [5, 200]), ["", ""]);
    book.round([observed(5 + 24 * 12 + 1, 0, { model: "churn" })]);
    assert.equal(book.groups.size, 0);
  });

  it("leaves a group alone that has too much work undone", () => {
    const book = new Book({ rules: [rule({ cooldown: "1s" })] });
    for (let n = 1; n <= WORK_MAX; n++) book.rounds([n, n % 2 === 1 ? 200 : 0]);
    const { unstored, deliveries } = book.only();
    assert.ok(unstored.length + deliveries.length <= WORK_MAX + 1);
    const before = book.only();
    book.rounds([WORK_MAX + 1, 200], [WORK_MAX + 2, 0]);
    assert.equal(book.only(), before);
    book.settle();
    assert.deepEqual(book.rounds([WORK_MAX + 3, 200]), ["raised"]);
  });
});

describe("a change", () => {
  it("that the state does not allow is a programmer's mistake", () => {
    const book = new Book();
    book.rounds([1, 200], [2, 0]);
    const alert = book.only().alert;
    assert.ok(alert);
    for (const change of ["acknowledged", "resolved", "escalated"] as const)
      assert.throws(() => changed(alert, "resolved", change), /an alert that is resolved cannot be/);
    assert.throws(() => changed(alert, "raised", "raised"), /cannot be raised/);
    assert.throws(() => resolveGroup(book.only(), 0, { nowMs: 0, detail: "" }), /only an open alert/);
  });

  it("has a number of its own, whatever is settled when", () => {
    const book = new Book({ rules: [rule({ cooldown: "1s" })] });
    book.rounds([1, 200], [2, 0], [3, 200]);
    let group = book.only();
    const [first] = group.deliveries;
    assert.ok(first);
    group = withOutcome(group, first, { change: "undelivered", nowMs: START, detail: "HTTP 404" });
    assert.equal(withOutcome(group, first, { change: "delivered", nowMs: START, detail: "" }), group);
    group = withChange(group, group.alert as never, { change: "acknowledged", nowMs: START }, []);
    const rows = group.unstored.map(alertRow);
    assert.deepEqual(
      rows.map(({ change_number, change, state }) => [change_number, change, state]),
      [
        [1, "raised", "raised"],
        [2, "resolved", "resolved"],
        [3, "raised", "raised"],
        [4, "undelivered", "resolved"],
        [5, "acknowledged", "acknowledged"],
      ],
    );
    assert.equal(rows[3]?.alert_id, rows[0]?.alert_id);
    assert.equal(group.alert?.state, "acknowledged");
  });
});
