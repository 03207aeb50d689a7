/**
 * The ceiling: a bare uWebSockets.js handler that parses the JSON body and sends it back. Prints its URL.
 */
import uws from "uWebSockets.js";

const app = uws.App();
app.post("/predict", (res) => {
  let isAborted = false;
  res.onAborted(() => {
    isAborted = true;
  });
  const chunks: Buffer[] = [];
  res.onData((chunk, isLast) => {
    chunks.push(isLast && chunks.length === 0 ? Buffer.from(chunk) : Buffer.from(chunk.slice(0)));
    if (!isLast || isAborted) return;
    const [first] = chunks;
    const body = chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks);
    const text = JSON.stringify(JSON.parse(body.toString("utf8")));
    res.cork(() => {
      res.writeHeader("content-type", "application/json");
      res.end(text);
    });
  });
});
app.listen("127.0.0.1", 0, (socket) => {
  if (socket === false) process.exit(1);
  console.log(`http://127.0.0.1:${uws.us_socket_local_port(socket)}`);
});
process.on("disconnect", () => process.exit(0));
