// hot path
/**
 * What the ingester makes of the messages of one reading: the events to apply, in order, the entities that they are of,
 * and the messages to put aside.
 *
 * Messages up to `appliedSeq` are in the states already: of those only the ids are remembered. An id is used up by the
 * first message that is an event, be its values allowed or not, as in `feature_values`. Bound: the reading's.
 */
import type { EntityKey, EntityWrite } from "../core/entity-store.ts";
import { messageOf } from "../core/errors.ts";
import type { FeatureEvent } from "../core/feature-event.ts";
import { eventKey } from "../core/feature-row.ts";
import type { RecentIds } from "../recent-ids.ts";
import type { SinkMessage } from "../sink-batch.ts";
import { type ColumnPlan, isEmptyPlan, judge } from "./column-plan.ts";
import type { EntityState } from "./entity-state.ts";
import { type FeatureMessage, readFeatureMessage } from "./feature-message.ts";

/** Columns for the events of an entity type; undefined when no feature set has it. */
export type PlanOf = (entityType: string) => ColumnPlan | undefined;

export interface Refusal {
  readonly message: SinkMessage;
  readonly reason: string;
}

/** An entity with events in the batch. */
export interface BatchEntity extends EntityKey {
  /** Of all entities, whatever their type. */
  readonly name: string;
  readonly plan: ColumnPlan;
  state: EntityState | undefined;
  isChanged: boolean;
}

interface TakenEvent {
  readonly entity: BatchEntity;
  readonly event: FeatureEvent;
  /** The part of the entity's plan that takes it. */
  readonly takers: ColumnPlan;
}

export class IngestBatch {
  readonly refusals: Refusal[] = [];
  readonly entities = new Map<string, BatchEntity>();
  readonly #taken: TakenEvent[] = [];
  readonly #plans = new Map<string, ColumnPlan | undefined>();
  readonly #planOf: PlanOf;
  /** New ones, whether a feature set takes them or not. */
  events = 0;
  /** Of the last message that was a new event, or 0. */
  lastEventSeq = 0;
  duplicates = 0;
  tooLate = 0;

  constructor(planOf: PlanOf) {
    this.#planOf = planOf;
  }

  add(message: SinkMessage, appliedSeq: number, recent: RecentIds): void {
    const isNew = message.seq > appliedSeq;
    let found: FeatureMessage;
    try {
      found = readFeatureMessage(message);
    } catch (error) {
      if (isNew) this.refusals.push({ message, reason: messageOf(error) });
      return;
    }
    const isFirst = recent.add(eventKey(found.entityType, found.event.eventId), 0);
    if (isFirst) this.lastEventSeq = message.seq;
    if (!isNew) return;
    if (isFirst) this.#take(message, found);
    else this.duplicates++;
  }

  /** Applies the events to the states of their entities, which must have been set. */
  apply(epoch: number): void {
    for (const { entity, event, takers } of this.#taken) {
      const outcome = entity.state?.apply(event, epoch, takers);
      if (outcome === "seen") continue;
      entity.isChanged = true;
      if (outcome === "too_late") this.tooLate++;
    }
  }

  /** The states that `apply` changed. */
  writes(): EntityWrite[] {
    const writes: EntityWrite[] = [];
    for (const { type, id, plan, state, isChanged } of this.entities.values())
      if (isChanged && state !== undefined)
        writes.push({ type, id, state: state.toBuffer(), ttlMs: plan.ttlMs });
    return writes;
  }

  #take(message: SinkMessage, { entityType, event }: FeatureMessage): void {
    const plan = this.#planFor(entityType);
    if (plan === undefined) {
      this.events++;
      return;
    }
    const { problem, takers } = judge(plan, event);
    if (problem !== undefined) this.refusals.push({ message, reason: problem });
    if (problem === undefined || !isEmptyPlan(takers)) this.events++;
    if (!isEmptyPlan(takers))
      this.#taken.push({ entity: this.#entity(entityType, event.entityId, plan), event, takers });
  }

  #planFor(entityType: string): ColumnPlan | undefined {
    if (!this.#plans.has(entityType)) this.#plans.set(entityType, this.#planOf(entityType));
    return this.#plans.get(entityType);
  }

  #entity(type: string, id: string, plan: ColumnPlan): BatchEntity {
    const name = `${type}:${id}`;
    const known = this.entities.get(name);
    if (known !== undefined) return known;
    const entity = { type, id, name, plan, state: undefined, isChanged: false };
    this.entities.set(name, entity);
    return entity;
  }
}
