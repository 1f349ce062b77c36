import { describe, expect, it } from 'vitest';
import { codes } from '../../test/office.ts';
import { fileName, limits, scanMessage } from '../index.ts';
import { parseContentType, withoutParameters, withParameter } from './content-type.ts';

const named = (parameters: string, field = 'Content-Disposition: attachment'): string | undefined =>
  fileName(scanMessage(Buffer.from(`${field}; ${parameters}\r\n\r\n`, 'latin1')));
const problemsOf = (value: string) => {
  const problems: Parameters<typeof parseContentType>[1] = [];
  parseContentType(value, problems);
  return problems;
};

describe('parameters of RFC 2231', () => {
  it('the examples of the RFC', () => {
    const access = parseContentType(
      'message/external-body; access-type=URL; URL*0="ftp://"; URL*1="cs.utk.edu/pub/moore/bulk-mailer/bulk-mailer.tar"',
      [],
    );
    expect(access.parameters.get('url')).toBe('ftp://cs.utk.edu/pub/moore/bulk-mailer/bulk-mailer.tar');
    const title = (text: string) => parseContentType(`application/x-stuff; ${text}`, []).parameters.get('title');
    expect(title("title*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A")).toBe('This is ***fun***');
    expect(
      title(
        "title*0*=us-ascii'en'This%20is%20even%20more%20; title*1*=%2A%2A%2Afun%2A%2A%2A%20; title*2=\"isn't it!\"",
      ),
    ).toBe("This is even more ***fun*** isn't it!");
  });

  it.each([
    ["filename*=utf-8''Gr%C3%BC%C3%9Fe.pdf", 'Grüße.pdf'],
    ["filename*=iso-8859-1'de'Gr%FC%DFe.pdf", 'Grüße.pdf'],
    ["filename*=''plain.txt", 'plain.txt'],
    ["filename*0*=utf-8''%E6%BC; filename*1*=%A2%E5%AD%97.txt", '漢字.txt'],
    ["filename*1*=%A2%E5%AD%97.txt; filename*0*=utf-8''%E6%BC", '漢字.txt'],
    ['filename*0="a b"; filename*1=c; filename*2=".doc"', 'a bc.doc'],
    ["filename=Gr__e.pdf; filename*=utf-8''Gr%C3%BC%C3%9Fe.pdf", 'Grüße.pdf'],
    ["filename*=utf-8''Gr%C3%BC%C3%9Fe.pdf; filename=Gr__e.pdf", 'Grüße.pdf'],
    ['filename="=?utf-8?B?R3LDvMOfZS5wZGY=?="', 'Grüße.pdf'],
    ['filename="Gr\xfc\xdfe.pdf"', 'Grüße.pdf'],
    ["filename*=x-unknown''a%20b", 'a b'],
    ["filename*=utf-8''100%", '100%'],
    // A section that is missing ends the value: what is there is never joined over a gap.
    ['filename*0=a; filename*2=c', 'a'],
    ['filename*1=b; filename*2=c', undefined],
    ['filename*00=a', undefined],
  ])('%s', (parameters, name) => {
    expect(named(parameters)).toBe(name);
  });

  it('the Content-Type names a file where the Content-Disposition does not', () => {
    expect(named("name*0*=utf-8''%C3%A4; name*1=.p7m", 'Content-Type: application/octet-stream')).toBe('ä.p7m');
  });

  it('what a parser goes by is never joined', () => {
    for (const parameter of ['boundary', 'protocol', 'micalg', 'smime-type', 'charset', 'type', 'start', 'hp']) {
      for (const form of [
        `${parameter}*=us-ascii''b`,
        `${parameter}*0=b`,
        `${parameter}*0*=us-ascii''b; ${parameter}*1=b`,
      ]) {
        const problems: Parameters<typeof parseContentType>[1] = [];
        expect(parseContentType(`multipart/signed; ${form}`, problems).parameters.get(parameter)).toBeUndefined();
        expect(problems).toContainEqual(expect.objectContaining({ code: 'extended-parameter', severity: 'error' }));
      }
    }
  });

  it('every doubt about sections is a warning', () => {
    expect(codes(problemsOf('a/b; name*0=a; name*2=c'))).toEqual(['missing-parameter-section']);
    expect(codes(problemsOf('a/b; name*0=a; name*0=c'))).toEqual(['repeated-parameter-section']);
    expect(codes(problemsOf('a/b; name**=a'))).toEqual(['malformed-parameter']);
  });

  it('only so many sections are read', () => {
    const sections = (count: number): string => Array.from({ length: count }, (_, at) => `; name*${at}=x`).join('');
    expect(problemsOf(`a/b${sections(limits.parameterSections)}`)).toEqual([]);
    const problems = problemsOf(`a/b${sections(60_000)}`);
    expect(codes(problems)).toContain('too-many-parameter-sections');
    const { parameters } = parseContentType(`a/b${sections(60_000)}`, []);
    expect(parameters.get('name')).toHaveLength(limits.parameterSections);
  });

  it('a field that is written again keeps them', () => {
    const raw = "Content-Type: text/plain; hp=clear; name*=utf-8''Gr%C3%BC%C3%9Fe%20%281%29.txt\r\n";
    const cipher = withParameter(raw, 'hp', 'cipher');
    expect(cipher).toBe(
      'Content-Type: text/plain;\r\n hp="cipher";\r\n name*=utf-8\'\'Gr%C3%BC%C3%9Fe%20%281%29.txt\r\n',
    );
    expect(withoutParameters(cipher, ['hp'])).toBe(
      "Content-Type: text/plain;\r\n name*=utf-8''Gr%C3%BC%C3%9Fe%20%281%29.txt\r\n",
    );
    expect(withoutParameters(raw, ['hp-legacy-display'])).toBe(raw);
  });
});
