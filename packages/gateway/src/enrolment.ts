/** The gateway's own key and the signing keys of people whose mail it signs: made here, certified by the authority, kept across restarts. */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { ApiError, type Client } from '@chancery/api';
import { type KeyReference, type KeySpec, type KeyStore, KeyStoreError, parseKeyReference } from '@chancery/keystore';
import {
  buildName,
  buildRequest,
  type Certificate,
  certificateEmails,
  type Decrypter,
  namesEqual,
  parseCertificate,
  type Signer,
} from '@chancery/smime';
import { z } from 'zod';
import { reasonOf } from './errors.ts';
import type { Log } from './log.ts';
import type { OfficeView, Person } from './office.ts';
import { writeDurably } from './spool/durable-file.ts';

export interface SigningKey {
  readonly signer: Signer;
  readonly certificate: Certificate;
  readonly chain: readonly Certificate[];
}

export interface OwnKey {
  readonly decrypter: Decrypter;
  readonly certificate: Certificate;
}

export interface Enrolment {
  /** The keys to which escrowed keys are locked, newest first; none until the authority has certified one. */
  own(): Promise<OwnKey[]>;
  /** The key for a person's mail, if it is here and its certificate is good now. Usable for addresses in its certificate only. */
  signingKey(person: Person): Promise<SigningKey | undefined>;
  /** Has a person's key certified now, in at most `timeout` ms; false when that did not come about. */
  ensure(person: Person, timeout: number): Promise<boolean>;
  /** Certifies whatever is missing or near its end, in the background. */
  run(view: OfficeView): void;
  /** People with a certificate, and those who still wait for one. */
  state(): { ready: number; awaited: number; ownReady: boolean };
  stop(): Promise<void>;
}

const Certified = z.object({
  key: z.string(),
  certificate: z.string().optional(),
  chain: z.array(z.string()).default([]),
  /** The addresses it was asked for: when a person's addresses change, another is asked for. */
  addresses: z.array(z.string()).default([]),
  /** Keys before this one, newest first: what was locked to them must still open. */
  previous: z.array(z.object({ key: z.string(), certificate: z.string() })).default([]),
});
/** A key that is made and, once the authority has answered, its certificate (DER in base64). */
type Certified = z.output<typeof Certified>;

/**
 * Milliseconds before a certificate's end when a new one is asked for without a word of the authority, at most: a tenth of its
 * time where that is less.
 */
const renewalMargin = 14 * 24 * 60 * 60 * 1000;
/** Requests to the authority at once. */
const atOnce = 4;
/** Milliseconds until a request that was refused is made again. */
const afterRefusal = 60_000;

export interface EnrolmentOptions {
  readonly folder: string;
  readonly keys: KeyStore;
  readonly algorithm: KeySpec;
  readonly client: Pick<Client, 'enrolGateway' | 'gatewaySigning'>;
  /** The gateway's name, as the subject of its own request. */
  readonly name: string;
  readonly now: () => number;
  readonly log: Log;
}

export async function openEnrolment(options: EnrolmentOptions): Promise<Enrolment> {
  const { keys, client, now, log } = options;
  const folder = path.join(options.folder, 'enrolment');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const held = await load(folder, log);
  const parsed = new Map<string, { text: string; certificate: Certificate; chain: readonly Certificate[] }>();
  const enrolling = new Map<string, Promise<boolean>>();
  const refusedUntil = new Map<string, number>();
  let view: OfficeView | undefined;
  let round: Promise<void> | undefined;
  let stopped = false;

  async function keep(name: string, state: Certified): Promise<void> {
    await writeDurably(path.join(folder, `${name}.json`), [JSON.stringify(state)]);
    held.set(name, state);
  }

  function certified(name: string) {
    const text = held.get(name)?.certificate;
    if (text === undefined) return undefined;
    const known = parsed.get(name);
    if (known?.text === text) return known;
    const fresh = { text, certificate: fromBase64(text), chain: (held.get(name)?.chain ?? []).map(fromBase64) };
    parsed.set(name, fresh);
    return fresh;
  }

  function isGood(name: string): boolean {
    const one = certified(name);
    return (
      one !== undefined &&
      one.certificate.notAfter.getTime() > now() &&
      one.certificate.notBefore.getTime() <= now() + 60_000 &&
      !isRevoked(one.certificate)
    );
  }

  /** Near its end, or the authority wants another in its place: it says so in its own time, for all of them a few at once. */
  function isDue(name: string): boolean {
    const certificate = certified(name)?.certificate;
    if (certificate === undefined || !isGood(name)) return true;
    const { notBefore, notAfter, serialNumber } = certificate;
    const margin = Math.min(renewalMargin, (notAfter.getTime() - notBefore.getTime()) / 10);
    return notAfter.getTime() - margin <= now() || view?.renew.has(serialNumber) === true;
  }

  /** The key store has lost the key: another is made and certified, as if there had been none. */
  function forget(name: string): void {
    log.error('enrolment.key-lost', { for: name });
    held.delete(name);
    parsed.delete(name);
    pending.delete(name);
  }

  /** The CRLs come from the authority itself, over a connection that is its own. */
  function isRevoked({ issuer, serialNumber }: Certificate): boolean {
    return (view?.crls ?? []).some((crl) => namesEqual(crl.issuer, issuer) && crl.find(serialNumber) !== undefined);
  }

  /** The key is on disk before it is certified: a crash in between asks again for the same key. */
  async function enrol(
    name: string,
    label: string,
    addresses: readonly string[],
    certify: (csr: string) => Promise<{ certificate: string; chain: string[] }>,
  ): Promise<boolean> {
    try {
      let key = pendingKey(name);
      const isOld = key !== undefined;
      if (key === undefined) {
        key = await keys.generate(options.algorithm, label);
        // Until the new certificate is there, the old key with the old one goes on.
        await writeDurably(path.join(folder, `${name}.next`), [key]);
        pending.set(name, key);
      }
      try {
        const { certificate, chain } = await certify(await request(key, addresses[0] ?? options.name, addresses));
        await keep(name, { key, certificate, chain, addresses: [...addresses], previous: previousOf(held.get(name)) });
        pending.delete(name);
      } catch (error) {
        if (!isSpent(error)) throw error;
        pending.delete(name);
        // The answer for this key was lost, or the key is: another one will do.
        if (isOld) return await enrol(name, label, addresses, certify);
        throw error;
      }
      log.info('enrolment.certified', { for: label });
      return true;
    } catch (error) {
      const answered = error instanceof ApiError && error.code !== 'unavailable';
      if (answered) refusedUntil.set(name, now() + afterRefusal);
      log[answered ? 'warn' : 'info']('enrolment.failed', { for: label, reason: reasonOf(error) });
      return false;
    }
  }

  const pending = await loadPending(folder);
  /** A key that was made and whose certificate never arrived. */
  function pendingKey(name: string): KeyReference | undefined {
    const key = pending.get(name);
    return key === undefined || key === held.get(name)?.key ? undefined : key;
  }

  async function request(key: KeyReference, commonName: string, emails: readonly string[]): Promise<string> {
    const subject = buildName([{ type: 'commonName', value: commonName.slice(0, 64) }]);
    const csr = await buildRequest({ subject, signer: await keys.signer(key), emails: [...emails] });
    return Buffer.from(csr).toString('base64');
  }

  /** One at a time for each key; whoever asks meanwhile waits for the same answer. */
  function once(name: string, work: () => Promise<boolean>): Promise<boolean> {
    const under = enrolling.get(name);
    if (under !== undefined) return under;
    const fresh = work().finally(() => enrolling.delete(name));
    enrolling.set(name, fresh);
    return fresh;
  }

  const enrolOwn = () =>
    once(ownName, () => enrol(ownName, 'this gateway', [], (csr) => client.enrolGateway({ body: { csr } })));

  const enrolPerson = (person: Person) =>
    once(nameOf(person), () =>
      enrol(nameOf(person), person.address, addressesOf(person), (csr) =>
        client.gatewaySigning({ body: { address: person.address, csr } }),
      ),
    );

  const signedHere = () => (view?.people ?? []).filter((person) => person.signingKey === 'gateway');
  const mayAsk = (name: string) => (refusedUntil.get(name) ?? 0) <= now();

  function needsCertificate(person: Person): boolean {
    const asked = held.get(nameOf(person))?.addresses ?? [];
    return isDue(nameOf(person)) || asked.join() !== addressesOf(person).join();
  }

  async function runRound(): Promise<void> {
    if (isDue(ownName) && mayAsk(ownName)) await enrolOwn();
    const missing = signedHere().filter((person) => needsCertificate(person) && mayAsk(nameOf(person)));
    const next = missing.values();
    let failedInARow = 0;
    const worker = async () => {
      for (const person of next) {
        // An authority that does not answer is not asked for everyone: the next round tries again.
        if (stopped || failedInARow >= atOnce) return;
        failedInARow = (await enrolPerson(person)) ? 0 : failedInARow + 1;
      }
    };
    await Promise.all(Array.from({ length: atOnce }, worker));
  }

  return {
    async own() {
      const state = held.get(ownName);
      const one = certified(ownName);
      if (state === undefined || one === undefined) return [];
      const all = [
        { key: state.key, certificate: one.certificate },
        ...state.previous.map(({ key, certificate }) => ({ key, certificate: fromBase64(certificate) })),
      ];
      const found = await Promise.all(
        all.map(async ({ key, certificate }) => {
          const decrypter = await unlessLost(() => keys.decrypter(parseKeyReference(key)));
          return decrypter === undefined ? undefined : { decrypter, certificate };
        }),
      );
      if (found[0] === undefined) forget(ownName);
      return found.filter((key) => key !== undefined);
    },
    async signingKey(person) {
      const name = nameOf(person);
      const state = held.get(name);
      const one = certified(name);
      if (state === undefined || one === undefined || !isGood(name)) return undefined;
      const signer = await unlessLost(() => keys.signer(parseKeyReference(state.key)));
      if (signer === undefined) forget(name);
      return signer === undefined ? undefined : { signer, certificate: one.certificate, chain: one.chain };
    },
    async ensure(person, timeout) {
      if (isGood(nameOf(person))) return true;
      if (!mayAsk(nameOf(person))) return false;
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<boolean>((resolve) => {
        timer = setTimeout(() => resolve(false), timeout);
      });
      return Promise.race([enrolPerson(person), late]).finally(() => clearTimeout(timer));
    },
    run(latest) {
      view = latest;
      if (stopped) return;
      round ??= runRound()
        .catch((error: unknown) => log.error('enrolment.stopped', { reason: reasonOf(error) }))
        .finally(() => {
          round = undefined;
        });
    },
    state() {
      const here = signedHere();
      const ready = here.filter((person) => isGood(nameOf(person))).length;
      return { ready, awaited: here.length - ready, ownReady: isGood(ownName) };
    },
    async stop() {
      stopped = true;
      await round;
      await Promise.allSettled(enrolling.values());
    },
  };
}

/** A certificate that speaks for the address: what the receiver compares with From. */
export function speaksFor(certificate: Certificate, address: string): boolean {
  const wanted = address.toLowerCase();
  return certificateEmails(certificate).some((email) => email.toLowerCase() === wanted);
}

async function unlessLost<T>(use: () => Promise<T>): Promise<T | undefined> {
  try {
    return await use();
  } catch (error) {
    if (error instanceof KeyStoreError && error.code === 'key-not-found') return undefined;
    throw error;
  }
}

/** This key will never get a certificate. */
function isSpent(error: unknown): boolean {
  if (error instanceof ApiError) return error.code === 'conflict' || error.code === 'unusable-input';
  return error instanceof KeyStoreError && error.code === 'key-not-found';
}

const ownName = 'gateway';

function addressesOf(person: Person): string[] {
  return [person.address, ...person.aliases];
}

function previousOf(state: Certified | undefined): Certified['previous'] {
  if (state?.certificate === undefined) return [];
  return [{ key: state.key, certificate: state.certificate }, ...state.previous];
}

function fromBase64(der: string): Certificate {
  return parseCertificate(Buffer.from(der, 'base64'));
}

function nameOf(person: Person): string {
  return `person-${createHash('sha256').update(person.personId).digest('hex').slice(0, 32)}`;
}

async function load(folder: string, log: Log): Promise<Map<string, Certified>> {
  const held = new Map<string, Certified>();
  for (const file of await readdir(folder)) {
    if (!file.endsWith('.json')) continue;
    try {
      held.set(file.slice(0, -5), Certified.parse(JSON.parse(await readFile(path.join(folder, file), 'utf8'))));
    } catch (error) {
      // A new key will be made and certified; the old one stays in the key store.
      log.error('enrolment.damaged', { file: path.join(folder, file), reason: reasonOf(error) });
    }
  }
  return held;
}

async function loadPending(folder: string): Promise<Map<string, KeyReference>> {
  const pending = new Map<string, KeyReference>();
  for (const file of await readdir(folder)) {
    if (!file.endsWith('.next')) continue;
    pending.set(file.slice(0, -5), parseKeyReference((await readFile(path.join(folder, file), 'utf8')).trim()));
  }
  return pending;
}
