import { describe, expect, it } from 'vitest';
import { issue, now } from '../../test/test-authority.ts';
import {
  encodeExplicit,
  encodeImplicit,
  encodeInteger,
  encodeNull,
  encodeOid,
  encodeSequence,
  encodeUtf8String,
} from '../asn1/der.ts';
import { oids } from '../asn1/oids.ts';
import { encodeDirectoryName } from '../x509/general-names.ts';
import { buildName } from '../x509/name.ts';
import { validatePath } from './validate-path.ts';

const ascii = (n: number) => (text: string) => encodeImplicit(n, Buffer.from(text, 'latin1'));
const email = ascii(1);
const dns = ascii(2);
const uri = ascii(6);
const ip = (hex: string) => encodeImplicit(7, Buffer.from(hex, 'hex'));
const registered = (oid: string) => encodeImplicit(8, encodeOid(oid).subarray(2));
const other = (type: string, value: Uint8Array) => encodeExplicit(0, encodeOid(type), encodeExplicit(0, value));
const utf8Email = (text: string) => other(oids.smtpUtf8Mailbox, encodeUtf8String(text));
const upn = (text: string) => other(oids.userPrincipalName, encodeUtf8String(text));
const directory = (organizationName: string, commonName?: string) =>
  encodeDirectoryName(
    buildName([
      { type: 'organizationName', value: organizationName },
      ...(commonName === undefined ? [] : [{ type: 'commonName' as const, value: commonName }]),
    ]).der,
  );
const x400 = encodeExplicit(3, encodeSequence());
const party = encodeExplicit(5, encodeExplicit(1, encodeUtf8String('x')));

type Bases = readonly Uint8Array[];
const subtrees = (n: number, bases: Bases | undefined): Uint8Array[] =>
  bases ? [encodeExplicit(n, ...bases.map((base) => encodeSequence(base)))] : [];
const constraints = ({ permitted, excluded }: { permitted?: Bases; excluded?: Bases }) => ({
  id: oids.nameConstraints,
  critical: true,
  value: encodeSequence(...subtrees(0, permitted), ...subtrees(1, excluded)),
});
const altName = (...names: Bases) => ({ id: oids.subjectAltName, critical: false, value: encodeSequence(...names) });

const root = await issue({ name: 'Root' });

/** Whether a leaf with the name, issued below the extension, is allowed; else the sentence that says why not. */
async function judge(extension: ReturnType<typeof constraints>, ...names: Bases): Promise<true | string> {
  const ca = await issue({ name: 'Sub', ca: true, extensions: [extension] }, root);
  const leaf = await issue({ name: 'Leaf', extensions: names.length === 0 ? [] : [altName(...names)] }, ca);
  const { valid, problems } = validatePath({
    leaf: leaf.certificate,
    intermediates: [ca.certificate],
    anchors: [root.certificate],
    at: now,
    purpose: 'any',
    revocation: 'none',
  });
  const [first] = problems;
  if (!valid) expect(first?.code).toMatch(/^(name-constraints|malformed-extension)$/);
  return valid ? true : (first?.message ?? 'no reason');
}
const permits = async (constraint: Uint8Array, name: Uint8Array) =>
  (await judge(constraints({ permitted: [constraint] }), name)) === true;
const excludes = async (constraint: Uint8Array, name: Uint8Array) =>
  (await judge(constraints({ excluded: [constraint] }), name)) !== true;

describe('name constraints', () => {
  it.each([
    // An address, a host, hosts below a domain.
    [email('alice@example.com'), email('alice@example.com'), true],
    [email('alice@example.com'), email('alice@EXAMPLE.com'), true],
    [email('alice@example.com'), email('bob@example.com'), false],
    [email('example.com'), email('bob@Example.com'), true],
    [email('example.com'), email('bob@mail.example.com'), false],
    [email('.example.com'), email('bob@mail.example.com'), true],
    [email('.example.com'), email('bob@example.com'), false],
    [email('example.com'), email('bob@notexample.com'), false],
    [email('@example.com'), email('bob@example.com'), true],
    [email('bob@example.com'), email('"bob"@example.com'), true],
    [email('example.com'), email('"x@evil.org"@example.com'), true],
    [email('evil.org'), email('"x@evil.org"@example.com'), false],
    [email(''), email('bob@example.com'), true],
    // SmtpUTF8Mailbox lies in the same name space (RFC 9598 6), with its domain in A-labels or, by RFC 8398, in U-labels.
    [email('example.com'), utf8Email('jürgen@example.com'), true],
    [email('example.org'), utf8Email('jürgen@example.com'), false],
    [email('xn--bcher-kva.example'), utf8Email('jürgen@bücher.example'), true],
    [email('xn--bcher-kva.example'), utf8Email('jürgen@xn--bcher-kva.example'), true],
    [email('.xn--bcher-kva.example'), utf8Email('jürgen@post.BÜCHER.example'), true],
    [utf8Email('jürgen@example.com'), utf8Email('jürgen@example.com'), true],
    // DNS names: the name and all below it.
    [dns('example.com'), dns('example.com'), true],
    [dns('example.com'), dns('a.b.Example.com'), true],
    [dns('example.com'), dns('example.com.'), true],
    [dns('example.com'), dns('notexample.com'), false],
    [dns('.example.com'), dns('a.example.com'), true],
    [dns('.example.com'), dns('example.com'), false],
    [dns(''), dns('example.com'), true],
    [dns('example.com'), dns('*.example.com'), true],
    // URIs: the host exactly, or hosts below a domain.
    [uri('example.com'), uri('https://example.com/path'), true],
    [uri('example.com'), uri('https://user:pass@Example.com:8080/path'), true],
    [uri('example.com'), uri('https://www.example.com/'), false],
    [uri('.example.com'), uri('https://www.example.com'), true],
    [uri('.example.com'), uri('https://example.com'), false],
    // Addresses with a mask.
    [ip('0a000000ff000000'), ip('0a010203'), true],
    [ip('0a000000ff000000'), ip('0b010203'), false],
    [ip('c0a80180ffffff80'), ip('c0a801ff'), true],
    [ip('c0a80180ffffff80'), ip('c0a8017f'), false],
    [ip('0000000000000000'), ip('c0a8017f'), true],
    [ip(`20010db8${'00'.repeat(12)}ffffffff${'00'.repeat(12)}`), ip(`20010db8${'11'.repeat(12)}`), true],
    [ip(`20010db8${'00'.repeat(12)}ffffffff${'00'.repeat(12)}`), ip(`20010db9${'11'.repeat(12)}`), false],
    [ip('0a000000ff000000'), ip(`20010db8${'11'.repeat(12)}`), false],
    [directory('Example'), directory('EXAMPLE ', 'Bob'), true],
    [directory('Example', 'Bob'), directory('Example'), false],
    [registered('1.3.6.1'), registered('1.3.6.1.4.1'), true],
    [registered('1.3.6.1'), registered('1.3.6.1'), true],
    [registered('1.3.6.1'), registered('1.3.6.10'), false],
    [upn('corp.example'), upn('Bob@CORP.example'), true],
    [upn('@corp.example'), upn('bob@corp.example'), true],
    [upn('bob@corp.example'), upn('BOB@corp.example'), true],
    [upn('.corp.example'), upn('bob@eu.corp.example'), true],
    [upn('corp.example'), upn('bob@evil.example'), false],
  ])('%#: a match permits and excludes', async (constraint, name, matches) => {
    // The subject is a directory name as well.
    const own =
      constraint[0] === 0xa4
        ? [constraint, encodeDirectoryName(buildName([{ type: 'commonName', value: 'Leaf' }]).der)]
        : [constraint];
    expect((await judge(constraints({ permitted: own }), name)) === true).toBe(matches);
    expect(await excludes(constraint, name)).toBe(matches);
  });

  it('excludes what may be meant, and permits only what must be', async () => {
    expect(await excludes(email('alice@example.com'), email('Alice@example.com'))).toBe(true);
    expect(await permits(email('alice@example.com'), email('Alice@example.com'))).toBe(false);
    expect(await excludes(dns('a.example.com'), dns('*.example.com'))).toBe(true);
    expect(await permits(dns('a.example.com'), dns('*.example.com'))).toBe(false);
  });

  it.each([
    ['an address without a host', email('example.com'), email('nobody')],
    ['an address whose host is none', email('example.com'), email('a@-')],
    ['a constraint that is none', email('exa mple'), email('a@example.com')],
    ['a constraint for every host below nothing', email('.'), email('a@example.com')],
    ['a wildcard in a constraint', dns('*.example.com'), dns('a.example.com')],
    ['a DNS name with an empty label', dns('example.com'), dns('a..example.com')],
    ['a URI without an authority', uri('example.com'), uri('mailto:a@example.com')],
    ['a URI with an address', uri('example.com'), uri('https://192.0.2.1/')],
    ['a URI with an address in hexadecimal', uri('example.com'), uri('https://0x7f000001/')],
    ['a URI with an IPv6 address', uri('example.com'), uri('https://[2001:db8::1]/')],
    ['a URI that browsers read otherwise', uri('example.com'), uri('https://evil.org\\@example.com/')],
    ['a constraint with a scheme', uri('https://example.com'), uri('https://example.com')],
    ['an IP constraint without a mask', ip('0a000000'), ip('0a000001')],
    ['a mask with a gap', ip('0a000000ff00ff00'), ip('0a000001')],
    ['an IP address of five octets', ip('0a000000ff000000'), ip('0a00000102')],
    ['a user principal name without a realm', upn('corp.example'), upn('bob')],
    ['an otherName of an unknown kind', other('1.2.3.4', encodeNull), other('1.2.3.4', encodeNull)],
    ['an X.400 address', x400, x400],
    ['an EDI party', party, party],
  ])('neither permit nor let pass %s', async (_what, constraint, name) => {
    expect(await permits(constraint, name)).toBe(false);
    expect(await excludes(constraint, name)).toBe(true);
  });

  it('say nothing about names of other kinds', async () => {
    const every = [
      email('example.com'),
      dns('example.com'),
      uri('example.com'),
      ip('0a000000ff000000'),
      upn('example.com'),
      registered('1.2.3'),
      other('1.2.3.4', encodeNull),
      x400,
    ];
    for (const constraint of every)
      for (const name of [...every.filter((one) => one !== constraint && one[0] !== constraint[0])])
        expect(
          await judge(
            constraints({ permitted: [constraint] }),
            name.equals(ip('0a000000ff000000')) ? ip('0a000001') : name,
          ),
        ).toBe(true);
    expect(await judge(constraints({ permitted: [other('1.2.3.4', encodeNull)] }), other('1.2.3.5', encodeNull))).toBe(
      true,
    );
    expect(await judge(constraints({ permitted: [email('example.com')] }))).toBe(true);
  });

  it('with a minimum or a maximum refuse every name of the kind, and no other', async () => {
    const bounded = (...bounds: Uint8Array[]) => ({
      id: oids.nameConstraints,
      critical: true,
      value: encodeSequence(encodeExplicit(0, encodeSequence(email('example.com'), ...bounds))),
    });
    const zero = encodeImplicit(0, Buffer.of(0));
    const one = encodeImplicit(0, Buffer.of(1));
    const maximum = encodeImplicit(1, Buffer.of(5));
    expect(await judge(bounded(zero), email('a@example.com'))).toBe(true);
    for (const bounds of [[one], [maximum], [zero, maximum]]) {
      expect(await judge(bounded(...bounds), email('a@example.com'))).toContain('a minimum or a maximum');
      expect(await judge(bounded(...bounds), dns('example.com'))).toBe(true);
    }
    expect(await judge(bounded(encodeInteger(0)), email('a@example.com'))).toContain('cannot be read');
  });

  it('apply to the address in a subject, and to the subject itself', async () => {
    const narrow = (...bases: Bases) =>
      issue({ name: 'Sub', ca: true, extensions: [constraints({ permitted: bases })] }, root);
    const subject = buildName([
      { type: 'commonName', value: 'a' },
      { type: 'emailAddress', value: 'a@example.com' },
    ]);
    for (const [bases, valid] of [
      [[email('example.com')], true],
      [[email('example.org')], false],
      [[directory('Example')], false],
      [[encodeDirectoryName(encodeSequence())], true],
      [[encodeDirectoryName(subject.der)], true],
    ] as const) {
      const ca = await narrow(...bases);
      const leaf = await issue({ subject }, ca);
      const report = validatePath({
        leaf: leaf.certificate,
        intermediates: [ca.certificate],
        anchors: [root.certificate],
        at: now,
        purpose: 'any',
        revocation: 'none',
      });
      expect(report.valid).toBe(valid);
    }
  });

  it('of every CA above apply, also to CAs between, but not to a self-issued one', async () => {
    const first = await issue(
      { name: 'First', ca: true, extensions: [constraints({ permitted: [directory('Example')] })] },
      root,
    );
    const inside = buildName([{ type: 'organizationName', value: 'Example' }]);
    const rolled = await issue({ name: 'First', ca: true }, first);
    const outsider = await issue({ name: 'Outsider', ca: true }, first);
    const report = async (issuer: typeof first, between: readonly (typeof first)[]) =>
      validatePath({
        leaf: (await issue({ subject: inside }, issuer)).certificate,
        intermediates: between.map(({ certificate }) => certificate),
        anchors: [root.certificate],
        at: now,
        purpose: 'any',
        revocation: 'none',
      }).valid;
    expect(await report(first, [first])).toBe(true);
    expect(await report(rolled, [rolled, first])).toBe(true);
    expect(await report(outsider, [outsider, first])).toBe(false);
  });

  it('of an anchor apply too (RFC 5937)', async () => {
    const narrow = await issue({ name: 'Narrow', extensions: [constraints({ permitted: [email('example.com')] })] });
    for (const [address, valid] of [
      ['a@example.com', true],
      ['a@example.org', false],
    ] as const) {
      const leaf = await issue({ email: address }, narrow);
      expect(
        validatePath({
          leaf: leaf.certificate,
          intermediates: [],
          anchors: [narrow.certificate],
          at: now,
          purpose: 'any',
          revocation: 'none',
        }).valid,
      ).toBe(valid);
    }
  });
});
