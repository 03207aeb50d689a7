/** The ceiling of request and reply: a bare responder that parses the JSON body and sends it back. Takes the server's URL; prints its own subject. */
import { connect } from "@nats-io/transport-node";

const SUBJECT = "bench.echo";

const nats = await connect({ servers: process.argv[2] ?? "", noAsyncTraces: true });
nats.subscribe(SUBJECT, {
  callback: (_error, message) => void message.respond(JSON.stringify(JSON.parse(message.string()))),
});
await nats.flush();
console.log(SUBJECT);
process.on("disconnect", () => process.exit(0));
