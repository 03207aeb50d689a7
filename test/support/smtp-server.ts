/**
 * A mail server for tests: as much of SMTP over a real socket as a client needs to hand over a message.
 */
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";

export interface SentMail {
  readonly from: string;
  readonly to: readonly string[];
  /** Headers and body, as they came. */
  readonly data: string;
}

export interface SmtpServer extends AsyncDisposable {
  readonly url: string;
  readonly mails: readonly SentMail[];
  /** What it answers to a message; "" for nothing at all. */
  answer: string;
}

export async function startSmtpServer(): Promise<SmtpServer> {
  const mails: SentMail[] = [];
  const smtp = { answer: "250 taken" };
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket)).on("error", () => socket.destroy());
    serve(socket, (mail) => {
      if (smtp.answer.startsWith("250")) mails.push(mail);
      return smtp.answer;
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return Object.assign(smtp, {
    url: `smtp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    mails,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  });
}

function serve(socket: Socket, take: (mail: SentMail) => string): void {
  let [text, from, to, isData]: [string, string, string[], boolean] = ["", "", [], false];
  const say = (line: string): void => void socket.write(`${line}\r\n`);
  const onLine = (line: string): void => {
    const command = line.slice(0, 4).toUpperCase();
    if (command === "EHLO" || command === "HELO") say("250 test");
    else if (command === "QUIT") socket.end("221 bye\r\n");
    else if (command === "DATA") {
      isData = true;
      say("354 go on");
    } else {
      const address = /<([^>]*)>/.exec(line)?.[1] ?? "";
      if (command === "MAIL") [from, to] = [address, []];
      if (command === "RCPT") to = [...to, address];
      say("250 ok");
    }
  };
  say("220 test ESMTP");
  socket.on("data", (chunk: Buffer) => {
    text += chunk.toString();
    for (;;) {
      const mark = isData ? "\r\n.\r\n" : "\r\n";
      const end = text.indexOf(mark);
      if (end < 0) return;
      const part = text.slice(0, end);
      text = text.slice(end + mark.length);
      if (!isData) onLine(part);
      else {
        isData = false;
        const answer = take({ from, to, data: part });
        if (answer !== "") say(answer);
      }
    }
  });
}
