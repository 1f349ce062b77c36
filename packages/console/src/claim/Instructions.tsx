import { Button, Group, List, Stack, Tabs, Text } from '@mantine/core';
import { save, toPem } from '../files.ts';

interface InstructionsProps {
  /** DER in base64: the authorities that a mail program must trust. */
  caCertificates: readonly string[];
  organisation: string;
}

/** How to import both files, program by program. */
export function Instructions({ caCertificates, organisation }: InstructionsProps) {
  return (
    <Stack gap="sm">
      {caCertificates.length > 0 && (
        <Group>
          <Button
            size="compact-sm"
            variant="default"
            onClick={() =>
              save(
                'authorities.pem',
                'application/x-pem-file',
                caCertificates.map((der) => toPem('CERTIFICATE', der)).join(''),
              )
            }
          >
            Download the authorities
          </Button>
          <Text size="sm" c="dimmed">
            Of {organisation}: needed once, if your program does not trust them yet.
          </Text>
        </Group>
      )}
      <Tabs defaultValue="thunderbird" keepMounted={false}>
        <Tabs.List>
          <Tabs.Tab value="thunderbird">Thunderbird</Tabs.Tab>
          <Tabs.Tab value="outlook">Outlook</Tabs.Tab>
          <Tabs.Tab value="apple">Apple Mail</Tabs.Tab>
          <Tabs.Tab value="iphone">iPhone</Tabs.Tab>
        </Tabs.List>
        {Object.entries(programs).map(([program, lines]) => (
          <Tabs.Panel key={program} value={program} pt="sm">
            <List type="ordered" size="sm" spacing={6}>
              {lines.map((line) => (
                <List.Item key={line}>{line}</List.Item>
              ))}
            </List>
          </Tabs.Panel>
        ))}
      </Tabs>
    </Stack>
  );
}

const programs: Record<string, readonly string[]> = {
  thunderbird: [
    'Open Settings, Privacy & Security, and under Certificates choose Manage Certificates.',
    'Under Authorities choose Import, take the authorities file, and tick “Trust this CA to identify email users”.',
    'Under Your Certificates choose Import, take the signing file, type the password; then the same with the encryption file.',
    'Open Account Settings, your account, End-To-End Encryption. Under S/MIME select each certificate: one for digital signing, one for encryption.',
    'Tick “Sign unencrypted messages” if every message should be signed.',
  ],
  outlook: [
    'Double-click the signing file. Choose Current User, type the password, and let Windows choose the store. Then the same with the encryption file.',
    'If Windows warns about the authority, choose Yes: it is your own organisation’s. (With the authorities file: install it into Trusted Root Certification Authorities.)',
    'In classic Outlook open File, Options, Trust Center, Trust Center Settings, Email Security, and choose Settings.',
    'Choose the signing certificate and the encryption certificate, SHA-256 and AES-256, and OK.',
    'In new Outlook open Settings, Mail, S/MIME instead; the certificates are found by themselves.',
  ],
  apple: [
    'Double-click the signing file. Keychain Access opens: choose the login keychain and type the password. Then the same with the encryption file.',
    'If the password is refused although it is right, your macOS is too old for the modern format: take the encryption key in the compatible format, and ask your administrator about the signing key.',
    'Open the authorities file too; find the root in Keychain Access, and under Trust choose Always Trust for S/MIME.',
    'Quit Mail and open it again. New messages from your address show a seal (signing) and a lock (encryption).',
  ],
  iphone: [
    'Send both files to the phone by AirDrop or Files, and open each: the phone says “Profile Downloaded”.',
    'Open Settings, General, VPN & Device Management, choose the profile, Install, and type the password.',
    'Open Settings, Apps, Mail, Accounts, your account, Advanced: turn on Sign and Encrypt by Default, and choose the certificates.',
  ],
};
