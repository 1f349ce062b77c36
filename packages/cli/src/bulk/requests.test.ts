import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { buildName, buildRequest, derToPem, localSigner } from '@chancery/smime';
import { afterAll, describe, expect, it } from 'vitest';
import { CommandError } from '../exit-codes.ts';
import { identifierOf, readRequests } from './requests.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'chancery-bulk-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const write = (name: string, content: string | Uint8Array) => {
  writeFileSync(path.join(folder, name), content);
  return path.join(folder, name);
};
const request = async () => {
  const signer = localSigner(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
  return buildRequest({ subject: buildName([{ type: 'commonName', value: 'x' }]), signer });
};
const refusal = (file: string): CommandError => {
  try {
    readRequests(file, 'device');
  } catch (error) {
    if (error instanceof CommandError) return error;
    throw error;
  }
  throw new Error('It was read');
};

describe('the requests of a batch', () => {
  it('are read from CSV with paths, and from JSON Lines with PEM: the same requests are the same batch', async () => {
    const [one, two] = [await request(), await request()];
    const pem = derToPem(two, 'CERTIFICATE REQUEST');
    write('one.der', one);
    write('two.pem', pem);
    const csv = write(
      'batch.csv',
      '\uFEFFaddress,csr,key_origin\nada@example.com,one.der,\n\nben@example.com,two.pem,browser\n',
    );
    const fromCsv = readRequests(csv, 'device');
    expect(fromCsv.map(({ line, address, keyOrigin }) => [line, address, keyOrigin])).toEqual([
      [2, 'ada@example.com', 'device'],
      [4, 'ben@example.com', 'browser'],
    ]);
    const lines = write(
      'batch.jsonl',
      [
        JSON.stringify({ address: 'ada@example.com', csr: 'one.der' }),
        JSON.stringify({ address: 'ben@example.com', csr: pem, keyOrigin: 'browser' }),
      ].join('\n'),
    );
    const fromLines = readRequests(lines, 'device');
    expect(fromLines.map(({ request: der }) => Buffer.from(der))).toEqual([one, two].map((der) => Buffer.from(der)));
    expect(identifierOf(fromLines)).toBe(identifierOf(fromCsv));
    expect(identifierOf(fromCsv)).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(identifierOf(fromLines.slice(0, 1))).not.toBe(identifierOf(fromLines));
    expect(identifierOf(readRequests(csv, 'gateway'))).not.toBe(identifierOf(fromCsv));
  });

  it('are refused together, each wrong one by its line', async () => {
    write('good.der', await request());
    write('bad.der', Buffer.from('3003020101', 'hex'));
    const error = refusal(
      write(
        'wrong.csv',
        'address,csr\nada@example.com,good.der\n,good.der\nben@example.com,missing.der\ncleo@example.com,bad.der\n',
      ),
    );
    expect(error.exitCode).toBe(2);
    expect(error.message).toContain('3 of 4 requests cannot be used. Nothing was sent.');
    expect(error.lines).toEqual([
      expect.stringMatching(/^line 3: address/),
      expect.stringMatching(/^line 4: .*missing\.der cannot be read/),
      expect.stringMatching(/^line 5: /),
    ]);
    expect(refusal(write('wrong.jsonl', '{"address":"ada@example.com","csr":"good.der"}\nnot json\n')).lines).toEqual([
      'line 2: it is no JSON object',
    ]);
    expect(refusal(write('empty.csv', 'address,csr\n')).message).toContain('holds no requests');
    expect(refusal(write('torn.csv', 'address,csr\n"ada')).message).toContain('cannot be read as CSV');
  });
});
