/** SMTP spoken word for word, for what no client library says. */
import { connect } from 'node:net';

/**
 * Says each line once the one before has been answered; then the message, where DATA was the last and is taken.
 * @returns the last line of every reply, the greeting first and that to QUIT last
 */
export function dialogue(port: number, lines: readonly string[], message: Uint8Array | string = ''): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    const replies: string[] = [];
    const say: (Uint8Array | string)[] = [...lines, 'QUIT'].map((line) => `${line}\r\n`);
    let text = '';
    socket.on('data', (octets) => {
      text += octets.toString();
      for (let end = text.indexOf('\r\n'); end >= 0; end = text.indexOf('\r\n')) {
        const line = text.slice(0, end);
        text = text.slice(end + 2);
        if (!/^\d{3} /.test(line)) continue;
        replies.push(line);
        if (line.startsWith('354')) say.unshift(Buffer.concat([Buffer.from(message), Buffer.from('\r\n.\r\n')]));
        const next = say.shift();
        if (next !== undefined) socket.write(next);
      }
    });
    socket.on('close', () => resolve(replies));
    socket.on('error', reject);
  });
}
