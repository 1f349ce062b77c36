import { Text } from '@mantine/core';
import { useMemo } from 'react';
import { fromBase64 } from '../files.ts';
import { Facts } from '../pieces/Facts.tsx';
import { Panel } from '../pieces/Page.tsx';
import { type DecodedCertificate, decodeCertificate } from './decode-certificate.ts';

/** What the certificate itself says, decoded in this browser from its DER (base64). */
export function Decoded({ der }: { der: string }) {
  const decoded = useMemo(() => tryDecode(der), [der]);
  if (decoded === null) {
    return (
      <Panel title="Contents">
        <Text c="dimmed">This browser could not read the certificate. Download it and look with another tool.</Text>
      </Panel>
    );
  }
  return (
    <Panel title="Contents">
      <Facts
        items={[
          ['Subject', decoded.subject === '' ? 'Empty' : decoded.subject],
          ['Issuer', decoded.issuer],
          ['Public key', decoded.publicKey],
          ['Signature', decoded.signatureAlgorithm],
          ...decoded.extensions.map(
            (extension) =>
              [
                extension.name,
                <div
                  key={extension.oid}
                  className={/^[0-9a-f]{16,}$/.test(extension.values[0] ?? '') ? 'mono' : undefined}
                >
                  {extension.values.map((value) => (
                    <div key={value}>{value}</div>
                  ))}
                  {extension.critical && (
                    <Text size="xs" c="dimmed">
                      critical
                    </Text>
                  )}
                </div>,
              ] as const,
          ),
        ]}
      />
    </Panel>
  );
}

export function tryDecode(der: string): DecodedCertificate | null {
  try {
    return decodeCertificate(fromBase64(der));
  } catch {
    return null;
  }
}
