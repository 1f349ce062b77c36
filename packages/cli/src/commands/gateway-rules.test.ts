import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { gatewayRulesCommand, gatewaySimulateCommand } from './gateway-rules.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'rules-'));
const file = (name: string, text: string) => {
  const at = path.join(folder, name);
  writeFileSync(at, text);
  return at;
};
const eml = (to: string, body: string) =>
  `From: Anna <anna@example.com>\r\nTo: ${to}\r\nSubject: Hi\r\n\r\n${body}\r\n`;
const strict = file(
  'strict.toml',
  '[[rule]]\nname = "bank"\nwhen = { recipientDomain = ["bank.example"] }\ndo = { encrypt = "must" }\n',
);
const none = file('none.json', '{"version":1,"mode":"all-match","rules":[]}');
const bank = file('bank.eml', eml('b@bank.example', 'salary'));
const journal = file(
  'journal.jsonl',
  `${JSON.stringify({ at: '2026-11-26T10:00:00Z', direction: 'outbound', messageId: '<1@x>', sender: 'anna@example.com', recipient: 'b@bank.example', facts: { headers: [], protection: 'none', signer: 'ready', certificate: 'none', visible: true } })}\n`,
);

let out = '';
beforeEach(() => {
  out = '';
  process.exitCode = undefined;
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    out += String(text);
    return true;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  process.exitCode = undefined;
});
afterAll(() => rmSync(folder, { recursive: true }));

const rules = async (...args: string[]) => gatewayRulesCommand().parseAsync(args, { from: 'user' });
const simulated = async (...args: string[]) => gatewaySimulateCommand().parseAsync(args, { from: 'user' });

describe('chancery gateway rules', () => {
  it('checks files: usable, advised, unusable', async () => {
    await rules('check', strict, none);
    expect([out.match(/first-match|all-match/g), process.exitCode]).toEqual([['first-match', 'all-match'], undefined]);
    await rules('check', file('late.toml', '[[rule]]\nname = "all"\n[[rule]]\nname = "late"\n'));
    expect([/late: “all” holds for every message/.test(out), process.exitCode]).toEqual([true, 1]);
    await expect(
      rules('check', file('bad.toml', '[[rule]]\nname = "x"\ndo = { encrypt = "yes" }\n')),
    ).rejects.toMatchObject({ exitCode: 2, lines: [expect.stringContaining('rules.0.do.encrypt')] });
    await expect(rules('check', file('broken.json', '{'))).rejects.toMatchObject({ exitCode: 2 });
  });

  it('shows what it can read again', async () => {
    await rules('show', strict, '--json');
    const written = file('again.json', out);
    out = '';
    await rules('show', written);
    expect(out).toMatch(/bank\s+on\s+recipientDomain \["bank.example"\]\s+it must be encrypted/);
  });

  it('explains one message, by what is said of its recipients', async () => {
    await rules('explain', strict, bank, '--certificate', '*@bank.example');
    expect(out).toMatch(/By bank: b@bank.example gets it signed and encrypted\.[\s\S]*\+ recipientDomain:/);
  });
});

describe('chancery gateway simulate', () => {
  it('shows what would change, and exits with 1 where less is protected', async () => {
    await simulated('--rules', strict, '--against', none, bank, journal, '--json');
    expect(JSON.parse(out).changes.map((one: { kind: string }) => one.kind)).toEqual(['stronger', 'stronger']);
    expect(process.exitCode).toBeUndefined();
    out = '';
    await simulated('--rules', none, '--against', strict, journal);
    expect([/! <1@x>\s+b@bank.example\s+refused\s+signed/.test(out), process.exitCode]).toEqual([true, 1]);
  });

  it('knows groups where it is told of them, and is in doubt where not', async () => {
    const legal = file(
      'legal.toml',
      '[[rule]]\nname = "legal"\nwhen = { senderGroup = ["Legal"] }\ndo = { encrypt = "must" }\n',
    );
    await simulated('--rules', legal, bank);
    expect(out).toMatch(/legal\s+1\s+0\s+1\n/);
    out = '';
    await simulated('--rules', legal, bank, '--group', 'Legal=*@other.example');
    expect(out).toMatch(/legal\s+0\s+0\s+0\n/);
  });
});
