/**
 * Loaded into every Node process of the suites by `.ci/run` (NODE_OPTIONS), and into no other: notes which secrets they make and
 * use, what Chancery prints, and with which arguments it and what it starts are called, for `search.ts` to look at afterwards.
 * No test needs to know of it, so none forgets to name a secret. JavaScript, since npm's own Node loads it as well.
 */
import childProcess from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import path from 'node:path';
import { promisify } from 'node:util';
import { threadId } from 'node:worker_threads';

const OURS = /[/\\]chancery\.js$/;
/** Is this process Chancery, and not a test of it? */
const isChancery = OURS.test(process.argv[1] ?? '');

const folder = process.env.CHANCERY_WATCH;
if (folder !== undefined) watch(folder);

function watch(into) {
  const noted = new Set();
  const files = new Map();

  /** @param kind the folder of it: secrets, logs or arguments */
  const keep = (kind, text) => {
    let file = files.get(kind);
    if (file === undefined) {
      file = fs.openSync(path.join(into, kind, `${process.pid}-${threadId}`), 'a', 0o600);
      files.set(kind, file);
    }
    fs.writeSync(file, text);
  };
  const secret = (value) => {
    if (value === undefined || value === null) return;
    const octets = Buffer.from(value);
    // What is shorter, or a pattern of a test, is found by chance.
    if (octets.length < 12 || new Set(octets).size < 6) return;
    const line = octets.toString('base64');
    if (noted.has(line)) return;
    noted.add(line);
    keep('secrets', `${line}\n`);
  };
  // An attacker of a test tries everything that lies about as a key: what is public does not become a secret by that.
  const offered = { secret, keep, guessing: 0 };
  globalThis[Symbol.for('chancery.watch')] = offered;

  watchKeys((value) => {
    if (offered.guessing === 0) secret(value);
  });
  watchRequests(secret);
  watchArguments(keep);
  watchOutput(keep);
  syncBuiltinESMExports();
  for (const [name, value] of Object.entries(process.env)) {
    if (!/^CHANCERY_.*(TOKEN|PASSWORD|PASSPHRASE|SECRET|PIN|LINK)$/.test(name)) continue;
    secret(value);
    if (value.includes('#')) secret(value.slice(value.indexOf('#') + 1));
  }
}

/** Private keys that are made or read, keys of ciphers, and what keys are derived from: passwords among others. */
function watchKeys(secret) {
  const secretKey = (key) => {
    if (key?.type === 'secret') secret(key.export());
    else if (key?.type === 'private') secret(numberOf(key));
    else if (typeof key === 'string' || ArrayBuffer.isView(key) || key instanceof ArrayBuffer) secret(key);
  };
  const { generateKeyPair, generateKeyPairSync, createPrivateKey } = crypto;
  const pair = ({ privateKey }) => {
    if (privateKey?.type === 'private') return secretKey(privateKey);
    try {
      // As PEM, where that was asked for.
      secretKey(createPrivateKey(privateKey));
    } catch {
      secret(privateKey);
    }
  };
  crypto.generateKeyPairSync = (...input) => {
    const made = generateKeyPairSync(...input);
    pair(made);
    return made;
  };
  const wrapped = (...input) => {
    const done = input.pop();
    generateKeyPair(...input, (error, publicKey, privateKey) => {
      if (error === null || error === undefined) pair({ privateKey });
      done(error, publicKey, privateKey);
    });
  };
  const promised = promisify(generateKeyPair);
  wrapped[promisify.custom] = async (...input) => {
    const made = await promised(...input);
    pair(made);
    return made;
  };
  crypto.generateKeyPair = wrapped;
  crypto.createPrivateKey = (input) => {
    const key = createPrivateKey(input);
    secretKey(key);
    return key;
  };
  for (const name of ['createCipheriv', 'createDecipheriv', 'hkdf', 'hkdfSync', 'argon2', 'argon2Sync']) {
    const original = crypto[name];
    if (original === undefined) continue;
    crypto[name] = (first, second, ...more) => {
      secretKey(name.startsWith('argon2') ? second?.message : second);
      return original(first, second, ...more);
    };
  }
  for (const name of ['scrypt', 'scryptSync', 'pbkdf2', 'pbkdf2Sync']) {
    const original = crypto[name];
    crypto[name] = (first, ...more) => {
      secretKey(first);
      return original(first, ...more);
    };
  }
}

/** The number in a private key, which every form of it holds; of newer kinds, what their PKCS#8 ends in. */
function numberOf(key) {
  try {
    const { d } = key.export({ format: 'jwk' });
    if (typeof d === 'string') return Buffer.from(d, 'base64url');
  } catch {
    // No such form.
  }
  return key.export({ format: 'der', type: 'pkcs8' }).subarray(-32);
}

/** Tokens, passwords and links that are sent, and sessions that begin. */
function watchRequests(secret) {
  const NAMED = /^(token|secret|password|passphrase|totpSecret|pin)$/;
  const inJson = (value) => {
    if (typeof value !== 'object' || value === null) return;
    for (const [name, one] of Object.entries(value)) {
      if (typeof one === 'string' && NAMED.test(name)) secret(one);
      else inJson(one);
    }
  };
  const { fetch } = globalThis;
  globalThis.fetch = async (input, init) => {
    const bearer = /^Bearer (\S+)$/.exec(new Headers(init?.headers ?? {}).get('authorization') ?? '')?.[1];
    if (bearer !== undefined) secret(bearer);
    if (typeof init?.body === 'string' && init.body.startsWith('{')) {
      try {
        inJson(JSON.parse(init.body));
      } catch {
        // Tests send what is no JSON, too.
      }
    }
    const answer = await fetch(input, init);
    for (const cookie of answer.headers.getSetCookie()) secret(/^chancery_\w+=([^;]+)/.exec(cookie)?.[1]);
    return answer;
  };
}

/** Of Chancery, and of what it starts; a test may well tell a program of others a password. */
function watchArguments(keep) {
  for (const name of ['spawn', 'spawnSync', 'execFile', 'execFileSync', 'fork', 'exec', 'execSync']) {
    const original = childProcess[name];
    const note = (input) => {
      const words = [input[0], ...(Array.isArray(input[1]) ? input[1] : [])].map(String);
      if (isChancery || words.some((word) => OURS.test(word))) keep('arguments', `${words.join('\0')}\n`);
    };
    const wrapped = (...input) => {
      note(input);
      return original(...input);
    };
    const promised = original[promisify.custom];
    if (promised !== undefined) {
      wrapped[promisify.custom] = (...input) => {
        note(input);
        return promised(...input);
      };
    }
    childProcess[name] = wrapped;
  }
}

/** What Chancery logs, and what it says when something goes wrong. What a command was asked for is its caller's. */
function watchOutput(keep) {
  if (!isChancery) return;
  const streams = ['start', 'authority', 'gateway', 'status'].includes(process.argv[2] ?? '')
    ? [process.stdout, process.stderr]
    : [process.stderr];
  for (const stream of streams) {
    const write = stream.write.bind(stream);
    stream.write = (piece, ...more) => {
      keep('logs', piece);
      return write(piece, ...more);
    };
  }
}
