/** A gateway under attack: what a stranger hands in, and what comes out of it at the next server. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { derToPem, encryptMessage } from '@chancery/smime';
import { type Holder, type HolderInput, issue, now } from '../../../smime/test/office.ts';
import type { GatewayConfigInput, GatewayPorts } from '../../src/index.ts';
import { until } from './next-server.ts';
import { startTestGateway, type TestGateway } from './test-gateway.ts';

interface Arrived {
  /** One character per octet. */
  readonly text: string;
  readonly octets: Buffer;
  /** First word of the verdict: `valid`, `invalid`, `unsigned`, `ambiguous` or `encrypted`. */
  readonly verdict: string;
  /** The whole field, unfolded. */
  readonly verdictField: string;
  /** `pass`, `fail`, `none` or `permerror`. */
  readonly smime: string;
  readonly signals: readonly string[];
}

export interface Attacked {
  readonly office: TestGateway;
  /** A root that the gateway trusts, and whom it has certified. */
  readonly root: Holder;
  certify(input: HolderInput, issuer?: Holder): Promise<Holder>;
  /** The certificate that mail to Anna is encrypted with, and its key. */
  readonly anna: { readonly certificate: Holder['certificate']; readonly privateKey: Holder['privateKey'] };
  encrypted(message: Uint8Array): Promise<Buffer>;
  /** Hands a message in for Anna, and gives what she gets of it. */
  arrives(message: Uint8Array, more?: { sender?: string }): Promise<Arrived>;
  /** Whose certificates it has taken. */
  harvested(): Promise<string[]>;
  stop(): Promise<void>;
}

const nowhere = () => Promise.reject(Object.assign(new Error('no such name'), { code: 'ENOTFOUND' }));

const day = 86_400_000;
/** Good today, and at the instant at which the engine's builders stand. */
const validity = { notBefore: new Date(now.getTime() - 30 * day), notAfter: new Date(Date.now() + 30 * day) };

/** @param resolve of SPF, DKIM and DMARC; nothing is found without it */
export async function startAttacked(
  more: NonNullable<GatewayConfigInput['gateway']> = {},
  resolve: NonNullable<GatewayPorts['resolve']> = nowhere,
): Promise<Attacked> {
  const certify = (input: HolderInput, issuer?: Holder) => issue({ ...validity, ...input }, issuer);
  const root = await certify({ ca: true });
  const folder = await mkdtemp(path.join(tmpdir(), 'anchors-'));
  const anchors = path.join(folder, 'root.pem');
  await writeFile(anchors, derToPem(root.certificate.der, 'CERTIFICATE'));
  const office = await startTestGateway([], { resolve }, { trustAnchors: [anchors], ...more });
  await rm(folder, { recursive: true });
  await office.authority.addPerson({
    address: 'anna@example.com',
    name: 'Anna Muster',
    signingKey: 'device',
    encryption: 'rsa',
  });
  await until(() => office.gateway().health().enrolled);
  await office.ready();
  await office.heard();
  const { keys, certificate } = office.authority.encryptionKeyOf('anna@example.com');
  return {
    office,
    root,
    certify,
    anna: { certificate, privateKey: keys.privateKey },
    encrypted: async (message) => Buffer.from(await encryptMessage({ message, recipients: [certificate] })),
    async arrives(message, { sender = 'alice@example.org' } = {}) {
      office.inside.delivered.length = 0;
      const mail = { sender, recipients: ['anna@example.com'], message: Buffer.from(message) };
      const reply = await office.send('inbound', mail);
      if (reply === 'lost' || reply.code !== 250) throw new Error(`not taken: ${JSON.stringify(reply)}`);
      await until(() => office.inside.delivered.length > 0);
      return arrivedOf(office.inside.delivered[0]?.message ?? Buffer.alloc(0));
    },
    async harvested() {
      const kept = path.join(office.folder, 'harvested');
      const files = (await readdir(kept)).filter((name) => name.endsWith('.json'));
      const read = files.map(
        async (name) => JSON.parse(await readFile(path.join(kept, name), 'utf8')).address as string,
      );
      return (await Promise.all(read)).sort();
    },
    stop: () => office.stop(),
  };
}

function arrivedOf(octets: Buffer): Arrived {
  const text = octets.toString('latin1');
  const header = text.slice(0, text.indexOf('\r\n\r\n')).replace(/\r\n[ \t]/g, ' ');
  const verdictField = /^X-Chancery-Verdict: (.*)$/m.exec(header)?.[1]?.trim() ?? '';
  return {
    ...{ text, octets, verdictField },
    verdict: /^\w+/.exec(verdictField)?.[0] ?? '',
    smime: /^Authentication-Results: gateway\.example\.com; smime=(\w+)/m.exec(header)?.[1] ?? '',
    signals: [...header.matchAll(/^X-Chancery-Signal: ([\w-]+);/gm)].map((found) => found[1] ?? ''),
  };
}
