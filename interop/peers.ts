/** Software that nobody here wrote: what each needs from Debian, and how to see that it is there. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

export interface Peer {
  readonly name: string;
  /** Debian packages. */
  readonly packages: readonly string[];
  /** Programs, or files, without which the peer cannot be used. */
  readonly needs: readonly string[];
}

export const peers = {
  openssl: { name: 'OpenSSL', packages: ['openssl'], needs: ['openssl'] },
  nss: { name: 'NSS', packages: ['libnss3-tools'], needs: ['certutil', 'cmsutil', 'pk12util', 'vfychain', 'crlutil'] },
  bouncycastle: {
    name: 'Bouncy Castle',
    packages: ['default-jdk-headless', 'libbcpkix-java', 'libbcprov-java', 'libbcutil-java'],
    needs: ['java', '/usr/share/java/bcprov.jar', '/usr/share/java/bcpkix.jar', '/usr/share/java/bcutil.jar'],
  },
  java: { name: 'Java', packages: ['default-jdk-headless'], needs: ['keytool', 'java', 'javac'] },
  gnutls: { name: 'GnuTLS', packages: ['gnutls-bin'], needs: ['certtool', 'ocsptool'] },
  strongswan: {
    name: 'strongSwan',
    // The second holds what reads keys on curves, the third the fetcher without which it asks nobody.
    packages: ['strongswan-pki', 'libstrongswan-standard-plugins', 'libstrongswan-extra-plugins'],
    needs: [
      'pki',
      '/usr/lib/ipsec/plugins/libstrongswan-openssl.so',
      '/usr/lib/ipsec/plugins/libstrongswan-curl.so',
      '/usr/lib/ipsec/plugins/libstrongswan-revocation.so',
    ],
  },
  scepclient: { name: 'micromdm scepclient', packages: ['scep'], needs: ['scepclient'] },
  certmonger: {
    name: 'certmonger',
    packages: ['certmonger', 'dbus-daemon'],
    needs: ['getcert', 'dbus-run-session', '/usr/lib/certmonger/certmonger-session'],
  },
  curl: { name: 'curl', packages: ['curl'], needs: ['curl'] },
  gpgsm: { name: 'gpgsm', packages: ['gpgsm', 'gpg-agent'], needs: ['gpgsm', 'gpg-agent', 'gpgconf'] },
  thunderbird: {
    name: 'Thunderbird',
    packages: ['thunderbird', 'xvfb', 'imagemagick', 'libnss3-tools'],
    needs: ['/usr/lib/thunderbird/thunderbird-bin', 'Xvfb', 'import', 'certutil', 'pk12util'],
  },
  slapd: {
    name: 'OpenLDAP',
    packages: ['slapd', 'ldap-utils'],
    needs: ['/usr/sbin/slapd', '/usr/sbin/slapadd', 'ldapsearch', 'ldapmodify'],
  },
  samba: {
    name: 'Samba AD',
    packages: [
      'samba-ad-dc',
      'samba-ad-provision',
      'samba-dsdb-modules',
      'samba-vfs-modules',
      'winbind',
      'ldb-tools',
      'ldap-utils',
    ],
    needs: ['samba', 'samba-tool', 'ldbadd', 'ldapsearch', 'ldapmodify'],
  },
  bind: { name: 'BIND', packages: ['bind9', 'bind9-dnsutils'], needs: ['named', 'dig', 'tsig-keygen'] },
  unbound: { name: 'unbound', packages: ['unbound'], needs: ['unbound'] },
  rsyslog: {
    name: 'rsyslog',
    packages: ['rsyslog', 'rsyslog-gnutls'],
    needs: ['/usr/sbin/rsyslogd', '/usr/share/doc/rsyslog-gnutls'],
  },
  postfix: { name: 'Postfix', packages: ['postfix'], needs: ['postfix', 'smtp-source', 'smtp-sink'] },
  opendkim: { name: 'OpenDKIM', packages: ['opendkim'], needs: ['opendkim'] },
  swaks: { name: 'swaks', packages: ['swaks'], needs: ['swaks'] },
  softhsm: {
    name: 'SoftHSM',
    // pkcs11js is compiled here, and the module through which tests pull the token.
    packages: ['softhsm2', 'g++', 'make', 'python3'],
    needs: ['/usr/lib/softhsm/libsofthsm2.so', 'softhsm2-util', 'g++', 'make', 'python3'],
  },
  postgresql: { name: 'PostgreSQL 15', packages: ['postgresql'], needs: ['/usr/lib/postgresql/15/bin/postgres'] },
  prometheus: { name: 'Prometheus', packages: ['prometheus'], needs: ['promtool'] },
  chromium: { name: 'Chromium', packages: ['chromium', 'fonts-dejavu-core'], needs: ['chromium'] },
} as const satisfies Record<string, Peer>;

export type PeerName = keyof typeof peers;

export function isPresent(name: PeerName): boolean {
  return peers[name].needs.every((need) =>
    need.startsWith('/') ? existsSync(need) : spawnSync('sh', ['-c', `command -v ${need}`]).status === 0,
  );
}

/**
 * For `describe.skipIf(...)`: is the peer missing? With CI=true a missing peer is a failure, so that a green run never
 * hides one.
 */
export function missing(name: PeerName): boolean {
  if (isPresent(name)) return false;
  if (process.env.CI === 'true')
    throw new Error(`${peers[name].name} is missing: apt-get install ${peers[name].packages.join(' ')}`);
  console.warn(`skipped: ${peers[name].name} is not installed (apt-get install ${peers[name].packages.join(' ')})`);
  return true;
}
