/**
 * The columns that say through which entrance a request came, where a new entrance gets its number.
 *
 * An Enum8 that only grows changes no stored byte, so not even the sorting key of the traffic tables is in the way. Views that show the
 * column keep its former type until they are made anew: the traffic views do not show it, those of models are made anew when the
 * control plane starts.
 */
const COLUMNS = {
  predictions: "entrance of the request",
  request_errors: "entrance; each delivery of a durable request counts",
  traffic_minutes: "",
  traffic_hours: "",
} as const;

/** Statements of a migration: never changed. */
export function webSocketSourceStatements(): readonly string[] {
  return statementsOf("'http' = 1, 'nats' = 2, 'stream' = 3, 'batch' = 4, 'ws' = 5");
}

/** Statements of a migration: never changed. */
export function grpcSourceStatements(): readonly string[] {
  return statementsOf("'http' = 1, 'nats' = 2, 'stream' = 3, 'batch' = 4, 'ws' = 5, 'grpc' = 6");
}

function statementsOf(numbers: string): readonly string[] {
  return Object.entries(COLUMNS).map(
    ([table, comment]) =>
      `ALTER TABLE {database}.${table}
        MODIFY COLUMN source Enum8(${numbers})${comment === "" ? "" : ` COMMENT '${comment}'`}`,
  );
}
