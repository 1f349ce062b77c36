/** A client that does little, lest it be what is measured: connections that each send the next request once they have their answer. */
import { connect } from 'node:net';

/** Requests as they go over the wire, in turn; answers of the same length each. Answers in all after that many milliseconds. */
export async function load(
  port: number,
  requests: readonly Buffer[],
  { connections, milliseconds }: { connections: number; milliseconds: number },
): Promise<{ answers: number; seconds: number }> {
  let answers = 0;
  const began = performance.now();
  const until = began + milliseconds;
  await Promise.all(
    Array.from({ length: connections }, (_, lane) => {
      let turn = lane;
      return new Promise<void>((resolve, reject) => {
        const socket = connect(port, '127.0.0.1');
        let have = 0;
        let length = 0;
        const ask = () => {
          socket.write(requests[turn++ % requests.length] as Buffer);
        };
        socket.setNoDelay(true);
        socket.once('connect', ask);
        socket.once('error', reject);
        socket.on('data', (chunk) => {
          if (have === 0) {
            const head = chunk.toString('latin1', 0, 1_024);
            const end = head.indexOf('\r\n\r\n');
            const body = /\r\ncontent-length: (\d+)/i.exec(head)?.[1];
            if (!head.startsWith('HTTP/1.1 200') || end < 0 || body === undefined) {
              reject(new Error(`not the answer that was expected: ${head.slice(0, 200)}`));
              socket.destroy();
              return;
            }
            length = end + 4 + Number(body);
          }
          have += chunk.length;
          if (have < length) return;
          have = 0;
          answers++;
          if (performance.now() < until) ask();
          else {
            socket.end();
            resolve();
          }
        });
      });
    }),
  );
  return { answers, seconds: (performance.now() - began) / 1_000 };
}
