/** What a relay costs that does nothing: smtp-server and nodemailer, put together as their pages show. Argument: the next port. */
import { buffer } from 'node:stream/consumers';
import nodemailer from 'nodemailer';
import { SMTPServer } from 'smtp-server';
import { SMTPConnection } from 'smtp-server/lib/smtp-connection.js';

const [next = ''] = process.argv.slice(2);
const transport = nodemailer.createTransport({
  pool: true,
  maxConnections: 20,
  maxMessages: Number.POSITIVE_INFINITY,
  host: '127.0.0.1',
  port: Number(next),
  ignoreTLS: true,
});

const server = new SMTPServer({
  authOptional: true,
  disabledCommands: ['AUTH', 'STARTTLS'],
  disableReverseLookup: true,
  size: 100 * 1024 * 1024,
  logger: false,
  onData(stream, session, callback) {
    const { mailFrom, rcptTo } = session.envelope;
    const envelope = { from: mailFrom === false ? '' : mailFrom.address, to: rcptTo.map(({ address }) => address) };
    buffer(stream).then(
      (raw) => transport.sendMail({ envelope, raw }).then(() => callback(null, 'taken'), callback),
      callback,
    );
  },
});
// Without it the library greets after 100 ms, and nothing else would be measured.
SMTPConnection.prototype.init = function init(this: SMTPConnection) {
  this._setListeners(() => this.connectionReady());
};
server.listen(0, '127.0.0.1', () => {
  const address = server.server.address();
  process.stdout.write(`${JSON.stringify({ port: typeof address === 'object' ? address?.port : 0 })}\n`);
});
