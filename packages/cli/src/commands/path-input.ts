/** Certificates and CRLs for path validation: a path to a DER or PEM file, base64 of DER, or PEM as it stands. */
import { type Certificate, type Crl, parseCertificate, parseCrl, pemBlocks, SmimeError } from '@chancery/smime';
import { readInput, readRegularFile } from '../input-files.ts';

/** Objects kept for the next case: a set of cases names the same few CAs again and again. */
const kept = { objects: 2_000, octets: 65_536 };

/** Why a leaf cannot be read. */
interface Unreadable {
  readonly unreadable: string;
}

/**
 * Reads what cases name. A file that is not there is an error of whoever wrote the case; something unreadable among CA certificates
 * and CRLs is left out, and the rest is tried.
 */
export class CertificateReader {
  private readonly report: ((problem: string) => void) | undefined;
  private readonly certificatesByOctets = new Map<string, Certificate>();
  private readonly crlsByOctets = new Map<string, Crl>();

  /** @param report told of everything that is left out */
  constructor(report?: (problem: string) => void) {
    this.report = report;
  }

  /** The first certificate that the text gives. */
  leaf(source: string): Certificate | Unreadable {
    try {
      const [der] = objectsIn(source, ['CERTIFICATE', 'X509 CERTIFICATE']);
      if (der === undefined) return { unreadable: 'the leaf is no certificate, neither in PEM nor in DER' };
      return this.parsed(der, this.certificatesByOctets, parseCertificate);
    } catch (error) {
      if (error instanceof SmimeError) return { unreadable: `the leaf cannot be read: ${error.message}` };
      throw error;
    }
  }

  certificates(sources: readonly string[]): Certificate[] {
    const labels = ['CERTIFICATE', 'X509 CERTIFICATE'];
    return this.readAll(sources, labels, this.certificatesByOctets, parseCertificate);
  }

  crls(sources: readonly string[]): Crl[] {
    return this.readAll(sources, ['X509 CRL'], this.crlsByOctets, parseCrl);
  }

  private readAll<T>(
    sources: readonly string[],
    labels: readonly string[],
    cache: Map<string, T>,
    parse: (der: Uint8Array) => T,
  ): T[] {
    const read: T[] = [];
    const leftOut = (source: string, reason: string): void => this.report?.(`${shown(source)} is left out: ${reason}.`);
    for (const source of sources) {
      try {
        const found = objectsIn(source, labels);
        if (found.length === 0) leftOut(source, `no ${labels[0]}, neither in PEM nor in DER`);
        for (const der of found) {
          try {
            read.push(this.parsed(der, cache, parse));
          } catch (error) {
            if (!(error instanceof SmimeError)) throw error;
            leftOut(source, error.message);
          }
        }
      } catch (error) {
        if (!(error instanceof SmimeError)) throw error;
        leftOut(source, error.message);
      }
    }
    return read;
  }

  private parsed<T>(der: Buffer, cache: Map<string, T>, parse: (der: Uint8Array) => T): T {
    if (der.length > kept.octets) return parse(der);
    const key = der.toString('latin1');
    let object = cache.get(key);
    if (object === undefined) {
      object = parse(der);
      if (cache.size >= kept.objects) cache.clear();
      cache.set(key, object);
    }
    return object;
  }
}

/**
 * DER of every object that the text gives; none where the octets are neither DER nor PEM. Throws where a file is named that cannot
 * be read.
 */
export function objectsIn(source: string, labels: readonly string[]): Buffer[] {
  if (source.includes('-----BEGIN ')) return blocks(source, labels);
  const compact = source.replace(/[ \t\r\n]+/g, '');
  // Base64 of a SEQUENCE begins with M; no path of that alphabet alone is this long.
  if (/^M[A-P]/.test(compact) && isBase64(compact) && compact.length > 64) return [Buffer.from(compact, 'base64')];
  let octets: Buffer;
  try {
    octets = source === '-' ? readInput(source) : readRegularFile(source);
  } catch (error) {
    // What does not even look like a path is a malformed object, not a missing file.
    if (looksLikePath(source)) throw error;
    return [];
  }
  return octets[0] === 0x30 ? [octets] : blocks(octets.toString('latin1'), labels);
}

const blocks = (text: string, labels: readonly string[]): Buffer[] =>
  pemBlocks(text)
    .filter(({ label }) => labels.includes(label))
    .map(({ der }) => der);

const looksLikePath = (text: string): boolean => /^\.{0,2}\/|\.[A-Za-z0-9]{1,5}$/.test(text);

const isBase64 = (text: string): boolean => text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text);

const shown = (source: string): string => (source.length > 80 ? `${source.slice(0, 40)}…` : source);
