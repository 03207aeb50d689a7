/** The cheapest answer there is: prepared bytes, whatever was asked, nothing parsed. Shows what a load generator can do. Prints its URL. */
import uws from "uWebSockets.js";

const app = uws.App();
app.any("/*", (res) => {
  res.end("{}");
});
app.listen("127.0.0.1", 0, (socket) => {
  if (socket === false) process.exit(1);
  console.log(`http://127.0.0.1:${uws.us_socket_local_port(socket)}`);
});
process.on("disconnect", () => process.exit(0));
