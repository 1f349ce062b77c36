/** Hundreds of real and broken messages through both directions: none is lost, none is changed, and what can be read in one way only is signed well. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { verifyMessage } from '@chancery/smime';
import { describe, expect, it } from 'vitest';
import { headerFields, withHeaders } from '../src/header-block.ts';
import { isForged } from '../src/verdict.ts';
import { until } from './support/next-server.ts';
import { startTestGateway } from './support/test-gateway.ts';

const folder = path.join(process.env.CHANCERY_CORPORA ?? '../shared/corpora', 'mime-messages');

/** As a client must hand it over: CRLF and nothing else ends a line, and there is no NUL. */
function asSent(octets: Buffer): Buffer {
  const text = octets
    .toString('latin1')
    .replace(/\r\n|\r|\n/g, '\r\n')
    .replaceAll('\0', '');
  return Buffer.from(text.endsWith('\r\n') ? text : `${text}\r\n`, 'latin1');
}

describe.skipIf(!existsSync(folder))(`the messages of ${folder}`, () => {
  it('go in and out whole', { timeout: 180_000 }, async () => {
    const office = await startTestGateway([
      { name: 'sign', when: { direction: 'outbound' }, do: { sign: 'must', encrypt: 'never' } },
    ]);
    await office.authority.addPerson({ address: 'anna@example.com' });
    await until(() => office.gateway().health().signers.ready === 1);
    const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    const flaws: string[] = [];
    let valid = 0;
    for (const [index, entry] of files.entries()) {
      const name = path.join(entry.parentPath, entry.name);
      const message = asSent(readFileSync(name));
      const taken = await office.send('inbound', { sender: 'x@y.example', recipients: ['anna@example.com'], message });
      const delivered = office.inside.delivered.pop()?.message ?? Buffer.alloc(0);
      if (taken === 'lost' || taken.code !== 250) flaws.push(`${name}: ${JSON.stringify(taken)}`);
      const ours = headerFields(message).some((field) => isForged(field, 'gateway.example.com'));
      if (!ours && !delivered.subarray(-message.length).equals(message)) flaws.push(`${name}: changed on its way in`);

      const replaced = new Set(['from', 'sender', 'message-id', 'date', '']);
      const letter = withHeaders(message, (field) => replaced.has(field.name), [
        'From: anna@example.com',
        `Message-ID: <${index}@example.com>`,
        `Date: ${new Date().toUTCString()}`,
      ]);
      const sent = await office.send('outbound', {
        sender: 'anna@example.com',
        recipients: ['x@y.example'],
        message: letter,
      });
      if (sent === 'lost' || sent.code !== 250) {
        flaws.push(`${name}: ${JSON.stringify(sent)}`);
        continue;
      }
      await until(() => office.outside.delivered.length === 1);
      const signed = office.outside.delivered.pop()?.message ?? Buffer.alloc(0);
      const report = await verifyMessage({ message: signed, anchors: [office.authority.ca.root] });
      if (report.verdict === 'valid') valid++;
      // Signed by somebody else before, or readable in two ways: then it is not ours to make good.
      else if (report.verdict === 'unsigned') flaws.push(`${name}: not signed`);
    }
    await office.stop();
    expect(flaws).toEqual([]);
    expect(valid / files.length).toBeGreaterThan(0.9);
  });
});
