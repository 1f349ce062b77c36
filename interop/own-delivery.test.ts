/**
 * Mail delivered by MX, with DANE and MTA-STS: zones of BIND's, signed and not, behind unbound, which believes only what is signed; a
 * Postfix and servers of the tests' own that take the mail. And what the gateway finds of certificates in the same DNS and in OpenLDAP.
 */
import { X509Certificate } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer as createTcpServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { smimeaOwners } from '@chancery/dns';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../e2e/support/office-process.ts';
import { openSources } from '../packages/gateway/src/recipients/open-sources.ts';
import { RecipientsConfig } from '../packages/gateway/src/recipients/recipients-config.ts';
import { MxDownstream } from '../packages/gateway/src/relay/mx/mx-config.ts';
import { openMxTransport } from '../packages/gateway/src/relay/mx/mx-transport.ts';
import type { MailTransport } from '../packages/gateway/src/relay/transport.ts';
import { type NextServer, startNextServer, until } from '../packages/gateway/test/support/next-server.ts';
import { startTestGateway } from '../packages/gateway/test/support/test-gateway.ts';
import { readTls } from '../packages/gateway/test/support/tls-files.ts';
import { type DeliveryServers, startDeliveryServers } from './delivery-servers.ts';
import { missing } from './peers.ts';
import { Directory } from './slapd.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'chancery-delivery-'));
const isMissing = [missing('bind'), missing('unbound'), missing('postfix'), missing('slapd')].includes(true);

describe.skipIf(isMissing)('its own deliveries', () => {
  let all: DeliveryServers;
  let { zone, postfix, port, policies, policyPort, servers } = {} as DeliveryServers;
  let transport: MailTransport;
  const events: { event: string; fields: Record<string, unknown> }[] = [];
  let later = 0;

  const server = (last: number) => servers.get(last) as NextServer;
  const everything = () => [...servers.values()].flatMap(({ delivered }) => delivered);
  const mx = (more: object = {}) => {
    const resolver = `127.0.0.1:${zone.resolverPort}`;
    return {
      mx: {
        resolver,
        port,
        networks: ['127.0.0.0/8', '::1/128', '2001:db8::/32'],
        ca: [all.root],
        timeoutSeconds: 5,
        ...more,
      },
    };
  };
  const open = (more: object = {}) =>
    openMxTransport(MxDownstream.parse(mx(more)).mx, {
      ...{ name: 'gateway.example.com', policyFolder: path.join(folder, 'mta-sts'), policyPort },
      now: () => Date.now() + later,
      log: Object.fromEntries(
        ['info', 'warn', 'error'].map((level) => [
          level,
          (event: string, fields = {}) => void events.push({ event, fields }),
        ]),
      ) as never,
    });
  /** One message to `b@DOMAIN`, and what came of it. */
  async function deliver(domain: string, by = transport) {
    const [receipt] = await by.deliver({
      ...{ id: 'm', sender: 'anna@example.com', recipients: [`b@${domain}`] },
      message: Buffer.from('Subject: x\r\n\r\nx\r\n'),
    });
    return receipt;
  }
  /** That it was put off for such a reason, and that no server has it. */
  async function putOff(domain: string, reason: RegExp, by = transport) {
    const before = everything().length;
    expect(await deliver(domain, by)).toMatchObject({ outcome: 'later', reply: expect.stringMatching(reason) });
    expect(everything()).toHaveLength(before);
  }

  beforeAll(async () => {
    chmodSync(folder, 0o755);
    all = await startDeliveryServers(folder);
    ({ zone, postfix, port, policies, policyPort, servers } = all);
    transport = open();
  });
  afterAll(async () => {
    await transport?.close();
    await all?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('go to a Postfix whose key DANE promises, whatever its certificate says of names', async () => {
    for (const domain of ['dane', 'alias', 'second'])
      expect(await deliver(`${domain}.example.com`)).toMatchObject({
        outcome: 'accepted',
        reply: expect.stringMatching(/^250 .*\[mx\.(dane|alias)\.example\.com, TLSv1\.3, DANE 3 1 1\]$/),
      });
    const line = await postfix.logged(/to=<b@second\.example\.com>.*status=sent.*/);
    expect(line).toContain('status=sent');
    // `dane` and `second` name the same host: what was shown of it for one is judged again for the other.
    expect(postfix.log().match(/TLS connection established from/g)).toHaveLength(2);
    // The first of its servers was not the one that its owner promises.
    expect(server(83).delivered).toEqual([]);
  });

  it('go by a certificate of the authority that DANE promises, for that name only; past a server that is not there', async () => {
    // A domain whose first server is down is not for that reason left alone.
    for (const domain of ['ta', 'first', 'first'])
      expect(await deliver(`${domain}.example.com`)).toMatchObject({
        outcome: 'accepted',
        reply: expect.stringContaining('DANE 2 0 1'),
      });
    expect(server(82).delivered.map(({ secure }) => secure)).toEqual([true, true, true]);
    await putOff('misnamed.example.com', /^451 4\.7\.5 Nothing was sent.*none of those that DANE promises/);
  });

  it('go over IPv6 where that is all there is, first where that is wished, and over the other where one leads nowhere', async () => {
    const preferred = open({ prefer: 'ipv6' });
    const over = async (domain: string, by: MailTransport) => {
      const before = events.length;
      expect(await deliver(`${domain}.example.com`, by)).toMatchObject({ outcome: 'accepted' });
      const { fields } = events.slice(before).find(({ event }) => event === 'relay.handed-over') ?? {};
      return `${fields?.address} ${fields?.security}`;
    };
    expect(await over('six', transport)).toBe('::1 TLSv1.3, DANE 3 1 1');
    expect(await over('both', transport)).toBe('127.0.0.86 TLSv1.3, DANE 3 1 1');
    expect(await over('both', preferred)).toBe('::1 TLSv1.3, DANE 3 1 1');
    // There is no way to that network here, as on a machine without IPv6.
    expect(await over('sixdown', preferred)).toBe('127.0.0.1 TLSv1.3, DANE 3 1 1');
    await server(86).stop();
    expect(await over('both', transport)).toBe('::1 TLSv1.3, DANE 3 1 1');
    servers.set(86, await startNextServer(port, { host: '127.0.0.86', ...readTls(all.good) }));
    await preferred.close();
    expect(postfix.log()).toMatch(/connect from \S+\[::1\]/);
  });

  it('wait where the key is another, TLS is taken away, or the DNS is bogus', async () => {
    await putOff('wrong.example.com', /^451 4\.7\.5 .*none of those that DANE promises for mx\.wrong\.example\.com/);
    await putOff('stripped.example.com', /^451 4\.7\.5 .*no STARTTLS/);
    // A promise of which nothing can be used still promises TLS.
    await putOff('bare.example.com', /^451 4\.7\.5 .*no STARTTLS/);
    await putOff('bogus.example', /^451 4\.4\.3 .*SERVFAIL/);
    await putOff('half.plain.example', /^451 4\.4\.0 Nothing was sent: .*SERVFAIL/);
  });

  it('go on without DANE where nothing is proven or usable: over TLS where it is there', async () => {
    const [here, there] = [server(83).delivered.length, server(84).delivered.length];
    for (const domain of ['unusable.example.com', 'insecure.plain.example', 'opportunistic.plain.example'])
      expect(await deliver(domain)).toMatchObject({
        outcome: 'accepted',
        reply: expect.stringContaining('certificate not judged'),
      });
    expect(
      server(83)
        .delivered.slice(here)
        .map(({ secure }) => secure),
    ).toEqual([true, true, true]);
    for (const domain of ['cleartext.plain.example', 'nomx.plain.example'])
      expect(await deliver(domain)).toMatchObject({
        outcome: 'accepted',
        reply: expect.stringContaining('in the clear'),
      });
    expect(
      server(84)
        .delivered.slice(there)
        .map(({ secure }) => secure),
    ).toEqual([false, false]);
    // What nobody promised is not missed: a handshake that fails is no worse than none.
    expect(await deliver('oldtls.plain.example')).toMatchObject({
      outcome: 'accepted',
      reply: expect.stringContaining('in the clear'),
    });
    const strict = open({ tls: 'required' });
    await putOff('oldtls.plain.example', /^451 4\.7\.5 Nothing was sent/, strict);
    await putOff('cleartext.plain.example', /^451 4\.7\.5 .*no STARTTLS/, strict);
    await strict.close();
  });

  it('are refused, or wait, where nobody takes mail', async () => {
    expect(await deliver('null.example.com')).toMatchObject({
      outcome: 'refused',
      reply: expect.stringMatching(/^556 5\.1\.10/),
    });
    for (const [domain, says] of [
      ['nowhere.plain.example', 'no domain'],
      ['nothing.plain.example', 'neither a mail server nor an address'],
      ['[127.0.0.84]', 'IP address in place of a domain'],
      ['127.0.0.84', 'IP address in place of a domain'],
    ] as const)
      expect(await deliver(domain)).toMatchObject({
        outcome: 'refused',
        reply: expect.stringMatching(new RegExp(`^550 5\\.1\\.2 .*${says}`)),
      });
    await putOff('self.example.com', /^451 4\.4\.6 .*comes back/);
    await putOff('down.plain.example', /^451 4\.4\.1 .*ECONNREFUSED/);
    await putOff('private.plain.example', /^451 4\.4\.0 .*not in the public Internet/);
    const outside = open({ networks: [] });
    await putOff('cleartext.plain.example', /^451 4\.4\.0 .*not in the public Internet/, outside);
    await outside.close();
  });

  it('keep what MTA-STS promises, and say what a policy in test would have refused', async () => {
    for (const domain of ['enforced', 'wild'])
      expect(await deliver(`${domain}.plain.example`)).toMatchObject({
        outcome: 'accepted',
        reply: expect.stringMatching(/\[mx\.plain\.example, TLSv1\.3, MTA-STS\]$/),
      });
    expect(server(86).delivered.map(({ secure }) => secure)).toEqual([true, true]);
    await putOff(
      'unnamed.plain.example',
      /^451 4\.7\.5 .*policy of unnamed\.plain\.example does not name mx\.plain\.example/,
    );
    await putOff('uncertified.plain.example', /^451 4\.7\.5 .*known authority \((SELF_SIGNED|UNABLE_TO)/);
    await putOff('nostarttls.plain.example', /^451 4\.7\.5 .*no STARTTLS/);
    expect(await deliver('tested.plain.example')).toMatchObject({ outcome: 'accepted' });
    expect(events).toContainEqual({
      event: 'mta-sts.would-refuse',
      fields: { domain: 'tested.plain.example', host: 'clear.plain.example', reason: 'no TLS' },
    });
  });

  it('are not all held up by a domain that never answers', async () => {
    const held: Socket[] = [];
    const silent = createTcpServer((socket) => void held.push(socket.on('error', () => undefined)));
    await new Promise<void>((resolve) => silent.listen(port, '127.0.0.89', resolve));
    const slow = Array.from({ length: 10 }, () => deliver('silent.plain.example'));
    await until(() => held.length === 10);
    later = 21_000;
    expect(await deliver('silent.plain.example')).toMatchObject({
      outcome: 'later',
      reply: expect.stringMatching(/^451 4\.3\.2 10 deliveries to silent\.plain\.example/),
    });
    expect(await deliver('cleartext.plain.example')).toMatchObject({ outcome: 'accepted' });
    for (const socket of held) socket.destroy();
    expect((await Promise.all(slow)).every((receipt) => receipt?.outcome === 'later')).toBe(true);
    await new Promise((resolve) => silent.close(resolve));
    later = 0;
  });

  it('say nothing of who handed it in, to a server that would like to know', async () => {
    const [receipt] = await transport.deliver({
      ...{ id: 'm', sender: 'anna@example.com', recipients: ['b@dane.example.com'] },
      notes: { forwarded: { ADDR: '192.0.2.55', NAME: 'laptop.inside.example' } },
      message: Buffer.from('Subject: x\r\n\r\nx\r\n'),
    });
    expect(receipt).toMatchObject({ outcome: 'accepted' });
    // This Postfix believes XFORWARD of whoever sends it, and would log the address.
    expect(postfix.log()).not.toContain('192.0.2.55');
  });

  it('are not bound by a policy that nobody vouches for', async () => {
    expect(await deliver('unfetched.plain.example')).toMatchObject({ outcome: 'accepted' });
    expect(events).toContainEqual({
      event: 'mta-sts.not-fetched',
      fields: expect.objectContaining({ domain: 'unfetched.plain.example' }),
    });
  });

  it('are bound by the policy that was fetched for as long as it holds, whoever stands in the way to it', async () => {
    await transport.close();
    policies.closeAllConnections();
    await new Promise((resolve) => policies.close(resolve));
    transport = open();
    await putOff('unnamed.plain.example', /policy of unnamed\.plain\.example does not name/);
    later = 86_401_000;
    expect(await deliver('unnamed.plain.example')).toMatchObject({ outcome: 'accepted' });
    later = 0;
  });

  it('wait in the spool of a gateway until there is a server as it was promised', async () => {
    const gateway = await startTestGateway(
      [{ name: 'sign', do: { sign: 'must' } }],
      {},
      {
        outbound: { listen: '127.0.0.1:0', downstream: mx() },
      },
    );
    try {
      await gateway.authority.addPerson({ address: 'anna@example.com' });
      await gateway.heard();
      await gateway.ready();
      const sent = await gateway.send('outbound', {
        ...{ sender: 'anna@example.com', recipients: ['b@late.example.net'] },
        message: 'From: anna@example.com\r\nTo: b@late.example.net\r\nSubject: x\r\n\r\nx\r\n',
      });
      expect(sent).toMatchObject({ code: 250 });
      await until(() => gateway.events.filter(({ event }) => event === 'relay.deferred').length > 1);
      expect(gateway.events.find(({ event }) => event === 'relay.deferred')).toMatchObject({
        fields: { reply: expect.stringMatching(/^451 4\.7\.5 Nothing was sent.*no STARTTLS/) },
      });
      servers.set(88, await startNextServer(port, { host: '127.0.0.88', ...readTls(all.good) }));
      await until(() => server(88).delivered.length > 0);
      expect(server(88).delivered).toMatchObject([{ recipients: ['b@late.example.net'], secure: true }]);
      await until(() => gateway.authority.journal.some(({ delivery }) => delivery !== undefined));
      expect(gateway.authority.journal).toMatchObject([
        {
          recipient: 'b@late.example.net',
          outcome: 'signed',
          delivery: { host: 'mx.late.example.com', security: 'TLSv1.3, DANE 3 1 1' },
        },
      ]);
      expect(server(84).delivered.some(({ recipients }) => recipients.includes('b@late.example.net'))).toBe(false);
    } finally {
      await gateway.stop();
    }
  });

  it('bring a message of more than 8 MB piece by piece, signed or as it is', async () => {
    const next = server(82);
    const before = next.delivered.length;
    const body = Buffer.from(`${'x'.repeat(76)}\r\n`.repeat(120_000));
    const gateway = await startTestGateway(
      [
        { name: 'sign', when: { recipientDomain: ['ta.example.com'] }, do: { sign: 'must' } },
        { name: 'rest', do: { sign: 'never', encrypt: 'never' } },
      ],
      {},
      { outbound: { listen: '127.0.0.1:0', downstream: mx() } },
    );
    try {
      await gateway.authority.addPerson({ address: 'anna@example.com' });
      await gateway.heard();
      await gateway.ready();
      for (const domain of ['ta', 'first', 'six']) {
        const head = `From: anna@example.com\r\nTo: b@${domain}.example.com\r\nSubject: large\r\n\r\n`;
        const mail = { sender: 'anna@example.com', recipients: [`b@${domain}.example.com`] };
        expect(
          await gateway.send('outbound', { ...mail, message: Buffer.concat([Buffer.from(head), body]) }),
        ).toMatchObject({ code: 250 });
      }
      await until(() => next.delivered.length === before + 2);
      const [signed, plain] = next.delivered.slice(before).sort((a, b) => b.message.length - a.message.length);
      expect(signed?.message.includes('multipart/signed')).toBe(true);
      expect(plain?.message.includes('multipart/signed')).toBe(false);
      for (const one of [signed, plain]) {
        expect(one?.secure).toBe(true);
        expect(one?.message.includes(body)).toBe(true);
      }
      expect(await postfix.logged(/size=9[0-9]{6}, nrcpt=1/)).toBeDefined();
    } finally {
      await gateway.stop();
      next.delivered.length = before;
    }
  });

  describe('and certificates of strangers', () => {
    let directory: Directory;
    const certificate = () => new X509Certificate(readFileSync(all.good.certificate)).raw;
    let now = Date.now();

    beforeAll(async () => {
      mkdirSync(path.join(folder, 'slapd'));
      directory = new Directory(path.join(folder, 'slapd'), await freePort());
    });
    afterAll(() => directory?.stop());

    const found = { said: 'found' };
    const sources = (config: object[]) =>
      openSources(RecipientsConfig.parse({ source: config }), folder, () => now).map(({ source }) => source);

    it('are found in the DNS where it is signed, and what is not there is remembered', async () => {
      const [dns] = sources([{ kind: 'smimea', name: 'dns', resolver: `127.0.0.1:${zone.resolverPort}` }]);
      const publish = (local: string) =>
        zone.update(
          `update add ${smimeaOwners(local, 'example.com')[0]} 60 SMIMEA 3 0 0 ${certificate().toString('hex')}`,
        );
      publish('Carla');
      expect(await dns?.find('Carla@example.com')).toMatchObject({
        ...found,
        vouched: [{ certificate: certificate() }],
      });
      expect(await dns?.find('dora@example.com')).toMatchObject({ said: 'nothing' });
      publish('dora');
      expect(await dns?.find('dora@example.com')).toMatchObject({ said: 'nothing' });
      // For unbound, which keeps nothing here, the absence holds for the second in which it was found; for us, five.
      await sleep(1_100);
      now += 5_000;
      expect(await dns?.find('dora@example.com')).toMatchObject(found);
      expect(await dns?.find('x@bogus.example')).toMatchObject({
        said: 'unknown',
        reason: expect.stringContaining('SERVFAIL'),
      });
      await dns?.close?.();
    });

    it('are found in OpenLDAP over StartTLS; one that is silent is not taken for empty', async () => {
      directory.secure();
      directory.create(['eva@example.com'], certificate());
      await directory.start();
      const [ldap] = sources([
        {
          ...{ kind: 'ldap', name: 'slapd', domains: ['example.com'], baseDn: 'dc=example,dc=com' },
          ...{ url: `ldap://127.0.0.1:${directory.port}`, startTls: true, timeoutSeconds: 2 },
          ca: path.join(folder, 'slapd', 'server.pem'),
        },
      ]);
      expect(await ldap?.find('eva@example.com')).toMatchObject({
        ...found,
        candidates: [{ certificate: certificate() }],
      });
      expect(await ldap?.find('nobody@example.com')).toMatchObject({ said: 'nothing' });
      await directory.stop();
      expect(await ldap?.find('eva@example.com')).toMatchObject(found);
      expect(await ldap?.find('gina@example.com')).toMatchObject({ said: 'unknown' });
      await ldap?.close?.();
    });
  });
});
