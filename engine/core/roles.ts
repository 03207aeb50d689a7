/** What a process of the engine does: answers predictions, or all else. */
export const ROLES = ["data", "control"] as const;
export type Role = (typeof ROLES)[number];
