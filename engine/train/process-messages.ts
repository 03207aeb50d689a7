/** What a training process says to the trainer that started it. */
import type { ProcessMessage } from "./training-task.ts";

/** Resolves when the message is out: a process that ends before takes along what is left of it, which is most of a large model. */
export async function say(message: ProcessMessage): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined) resolve();
    else process.send(message, undefined, undefined, () => resolve());
  });
}
