/** A process that sends what waits, over SMTP, until it is killed. `hang`: once a server has taken the first, it says so and hangs. */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseAuthorityConfig } from '../src/config.ts';
import { sendDueNotices } from '../src/notices/send.ts';
import { smtpMail } from '../src/notices/smtp.ts';
import { openDatabase } from '../src/store/database.ts';
import type { World } from '../src/world.ts';

const [connection = '{}', port = '', how = ''] = process.argv.slice(2);
const smtp = smtpMail(
  { host: '127.0.0.1', port: Number(port), tls: 'never', from: 'pki@example.com', timeoutSeconds: 5 },
  '/',
);
const world = {
  config: parseAuthorityConfig('', '/'),
  database: await openDatabase(JSON.parse(connection)),
  clock: () => new Date(),
  log: { info: () => {}, warn: () => {}, error: () => {} },
  mail: {
    async send(mail: Parameters<typeof smtp.send>[0]) {
      await smtp.send(mail);
      if (how !== 'hang') return;
      process.stdout.write('taken\n');
      await new Promise(() => {});
    },
  },
} as unknown as World;
process.stdout.write('begun\n');
for (;;) {
  await sendDueNotices(world);
  await sleep(100);
}
