/* global ChromeUtils, Cc, Ci, Cu, Services, IOUtils, PathUtils, ExtensionCommon */

const { MailServices } = ChromeUtils.importESModule('resource:///modules/MailServices.sys.mjs');

Cu.importGlobalProperties(['TextDecoder', 'atob', 'fetch']);

const certificates = Cc['@mozilla.org/security/x509certdb;1'].getService(Ci.nsIX509CertDB);

/** Runs inside Thunderbird. It reads what this kit holds, and nothing else; it asks nobody on the network. */
this.mailKeys = class extends ExtensionCommon.ExtensionAPI {
  getAPI({ extension }) {
    return {
      mailKeys: {
        setUp: (password) => setUp((path) => readFile(extension, path), password),
      },
    };
  }
};

async function setUp(read, password) {
  const kit = JSON.parse(new TextDecoder().decode(await read('kit.json')));
  const keys = JSON.parse(new TextDecoder().decode(await read('keys.json')));
  // The password first: where it is wrong, nothing is changed.
  for (const name of keys.files) {
    if (!(await importKeys(await read(`keys/${name}`), password))) return { state: 'wrong-password' };
  }
  // Trusted for mail, and for nothing else.
  for (const root of kit.roots) trust(root, ',C,');
  for (const authority of kit.authorities) trust(authority, ',,');
  const directory = kit.directory === null ? null : addDirectory(kit.directory);
  const addresses = new Set(kit.addresses.map((address) => address.toLowerCase()));
  const identities = MailServices.accounts.allIdentities.filter(({ email }) =>
    addresses.has((email ?? '').toLowerCase()),
  );
  for (const identity of identities) {
    choose(identity, 'encryption', kit.encryption);
    if (keys.signing !== null) {
      choose(identity, 'signing', keys.signing);
      identity.signMail = true;
    }
  }
  return {
    state: 'done',
    accounts: identities.map(({ email }) => email),
    keys: keys.files.length,
    signs: keys.signing !== null,
    directory: directory === null ? null : kit.directory.name,
  };
}

async function readFile(extension, path) {
  const answer = await fetch(extension.rootURI.resolve(path));
  return new Uint8Array(await answer.arrayBuffer());
}

/** @returns false where the password is wrong */
async function importKeys(octets, password) {
  const path = await IOUtils.createUniqueFile(PathUtils.tempDir, 'mail-keys.p12', 0o600);
  try {
    await IOUtils.write(path, octets);
    const file = Cc['@mozilla.org/file/local;1'].createInstance(Ci.nsIFile);
    file.initWithPath(path);
    const code = certificates.importPKCS12File(file, password);
    if (code === Ci.nsIX509CertDB.ERROR_BAD_PASSWORD) return false;
    if (code !== Ci.nsIX509CertDB.Success) throw new Error(`The file of keys cannot be read (${code})`);
    return true;
  } finally {
    await IOUtils.remove(path, { ignoreAbsent: true });
  }
}

function trust(base64, flags) {
  const certificate = certificates.constructX509FromBase64(base64);
  certificates.addCert(atob(base64), flags);
  // One that is there already keeps its old trust otherwise.
  if (flags !== ',,') {
    certificates.setCertTrust(certificate, Ci.nsIX509Cert.CA_CERT, Ci.nsIX509CertDB.TRUSTED_EMAIL);
  }
}

function choose(identity, use, base64) {
  const certificate = certificates.constructX509FromBase64(base64);
  identity.setUnicharAttribute(`${use}_cert_name`, certificate.displayName);
  identity.setCharAttribute(`${use}_cert_dbkey`, certificate.dbKey);
}

/** Where certificates of others are looked up, as soon as somebody is written to. */
function addDirectory({ name, url }) {
  const there = MailServices.ab.directories.find(({ dirName }) => dirName === name);
  const id = there?.dirPrefId ?? MailServices.ab.newAddressBook(name, url, Ci.nsIAbManager.LDAP_DIRECTORY_TYPE);
  if (there !== undefined) Services.prefs.setCharPref(`${id}.uri`, url);
  Services.prefs.setBoolPref('ldap_2.autoComplete.useDirectory', true);
  Services.prefs.setCharPref('ldap_2.autoComplete.directoryServer', id);
  return id;
}
