/**
 * The `predictions` table as its sink uses it. A prediction of a stream may come again, under the same id.
 *
 * The sink asks for `lastSeq` before its first insert, and after an insert that failed before anything else is inserted:
 * that is when the traffic tables may lack what stands in `predictions`, and are caught up.
 */
import { LOG_COLUMNS } from "../engine/core/log-block.ts";
import type { ClickHouse } from "./clickhouse.ts";
import { RowStore, type RowTable } from "./row-store.ts";
import { TrafficCatchUp } from "./traffic-catch-up.ts";

const PREDICTIONS: RowTable = {
  name: "predictions",
  columns: LOG_COLUMNS,
  id: "prediction_id",
  idsWhere: "source = 'stream'",
};

export class PredictionStore extends RowStore {
  readonly #traffic: TrafficCatchUp;

  constructor(client: ClickHouse, database: string) {
    super(client, database, PREDICTIONS);
    this.#traffic = new TrafficCatchUp(client, database);
  }

  /** Highest sequence stored and counted. @throws Error while an insert is running whose views may be due. */
  override async lastSeq(epoch: number): Promise<number> {
    if ((await this.runningInserts()) > 0) throw new Error("an insert into predictions is still running");
    await this.#traffic.run();
    return super.lastSeq(epoch);
  }
}
