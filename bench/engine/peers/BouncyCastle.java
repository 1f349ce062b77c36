import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.math.BigInteger;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.Security;
import java.security.cert.CertPath;
import java.security.cert.CertPathValidator;
import java.security.cert.CertificateFactory;
import java.security.cert.PKIXParameters;
import java.security.cert.TrustAnchor;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.bouncycastle.asn1.DERNull;
import org.bouncycastle.asn1.nist.NISTObjectIdentifiers;
import org.bouncycastle.asn1.pkcs.PKCSObjectIdentifiers;
import org.bouncycastle.asn1.pkcs.RSAESOAEPparams;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;
import org.bouncycastle.cert.X509CRLHolder;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.jcajce.JcaX509CertificateHolder;
import org.bouncycastle.cms.CMSAlgorithm;
import org.bouncycastle.cms.CMSAuthEnvelopedData;
import org.bouncycastle.cms.CMSAuthEnvelopedDataGenerator;
import org.bouncycastle.cms.CMSEnvelopedData;
import org.bouncycastle.cms.CMSEnvelopedDataGenerator;
import org.bouncycastle.cms.CMSProcessableByteArray;
import org.bouncycastle.cms.CMSSignedData;
import org.bouncycastle.cms.CMSSignedDataGenerator;
import org.bouncycastle.cms.Recipient;
import org.bouncycastle.cms.RecipientInfoGenerator;
import org.bouncycastle.cms.RecipientInformation;
import org.bouncycastle.cms.SignerInformation;
import org.bouncycastle.cms.jcajce.JcaSignerInfoGeneratorBuilder;
import org.bouncycastle.cms.jcajce.JcaSimpleSignerInfoVerifierBuilder;
import org.bouncycastle.cms.jcajce.JceCMSContentEncryptorBuilder;
import org.bouncycastle.cms.jcajce.JceKeyAgreeEnvelopedRecipient;
import org.bouncycastle.cms.jcajce.JceKeyAgreeRecipientInfoGenerator;
import org.bouncycastle.cms.jcajce.JceKeyTransAuthEnvelopedRecipient;
import org.bouncycastle.cms.jcajce.JceKeyTransEnvelopedRecipient;
import org.bouncycastle.cms.jcajce.JceKeyTransRecipientInfoGenerator;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.operator.OutputAEADEncryptor;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.bouncycastle.operator.jcajce.JcaDigestCalculatorProviderBuilder;

/** Bouncy Castle in this virtual machine. The commands are those of the other contenders: see openssl.c. */
public final class BouncyCastle {
  interface Operation {
    Object run() throws Exception;
  }

  private static Path folder;

  public static void main(String[] arguments) throws Exception {
    Security.addProvider(new BouncyCastleProvider());
    folder = Path.of(arguments[0]);
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
    Operation operation = null;
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      String[] words = line.split(" ");
      double milliseconds = Double.parseDouble(words[1]);
      try {
        if (words[0].equals("prepare")) {
          operation = prepare(words[2], words[3], words[4], Integer.parseInt(words[5]), words[6]);
          repeat(operation, milliseconds);
          System.out.println("ready");
        } else {
          double[] times = repeat(operation, milliseconds);
          System.out.println(String.format(Locale.ROOT, "%.3f %.3f", times[0], times[1]));
        }
      } catch (Exception | Error problem) {
        System.out.println("cannot " + String.valueOf(problem).split("\n")[0]);
      }
      System.out.flush();
    }
  }

  /** Runs the operation until that much processor time went into it, at least once. */
  private static double[] repeat(Operation operation, double milliseconds) throws Exception {
    long began = System.nanoTime(), now = began;
    double used = processorTime(), spent = 0;
    int count = 0;
    for (int turn = 0; turn == 0 || (spent < milliseconds * 1e6 && turn < 50); turn++) {
      long start = System.nanoTime();
      do {
        operation.run();
        count++;
        now = System.nanoTime();
      } while (now - start < (milliseconds * 1e6 - spent));
      spent = processorTime() - used;
    }
    return new double[] {(now - began) / 1e3 / count, spent / 1e3 / count};
  }

  /** Nanoseconds of all threads. The virtual machine's own answer moves in steps of 10 ms. */
  private static double processorTime() throws IOException {
    double sum = 0;
    try (DirectoryStream<Path> threads = Files.newDirectoryStream(Path.of("/proc/self/task"))) {
      for (Path thread : threads) sum += Double.parseDouble(Files.readString(thread.resolve("schedstat")).split(" ")[0]);
    }
    return sum;
  }

  private static Operation prepare(String operation, String key, String cipher, int recipients, String octets)
      throws Exception {
    boolean gcm = cipher.equals("gcm");
    switch (operation) {
      case "sign": {
        byte[] content = read("content-" + octets);
        X509CertificateHolder certificate = new JcaX509CertificateHolder(certificate(key));
        PrivateKey privateKey = privateKey(key, key);
        return () -> sign(content, certificate, privateKey, signatureAlgorithm(key));
      }
      case "verify": {
        byte[] content = read("content-" + octets), der = read("verify-" + key + "-" + octets);
        return () -> verify(content, der);
      }
      case "verify-chain": {
        byte[] content = read("content-" + octets), der = read("verify-chain-" + key + "-" + octets);
        PKIXParameters parameters = trust();
        return () -> {
          CMSSignedData signed = verify(content, der);
          return validate(leafFirst(signed), parameters);
        };
      }
      case "encrypt": {
        byte[] content = read("content-" + octets);
        X509Certificate[] to = new X509Certificate[recipients];
        for (int i = 0; i < recipients; i++) to[i] = certificate(key + "-" + i);
        return () -> encrypt(content, to, gcm);
      }
      case "decrypt": {
        byte[] der = read("decrypt-" + key + "-" + cipher + "-" + octets);
        PrivateKey privateKey = privateKey(key + "-0", key);
        boolean agreement = key.equals("p256");
        return () -> decrypt(der, privateKey, gcm, agreement);
      }
      case "certificate": {
        byte[] der = read(key + ".crt");
        return () -> new X509CertificateHolder(der).getExtensions();
      }
      case "certificate-key": {
        byte[] der = read(key + ".crt");
        return () -> decode(der).getPublicKey();
      }
      case "path": {
        byte[] leaf = read(key + ".crt"), issuing = read("issuing.crt");
        PKIXParameters parameters = trust();
        return () -> validate(List.of(decode(leaf), decode(issuing)), parameters);
      }
      case "crl": {
        byte[] der = read("crl");
        BigInteger serial = revokedSerial();
        return () -> found(new X509CRLHolder(der), serial);
      }
      case "crl-lookup": {
        X509CRLHolder crl = new X509CRLHolder(read("crl"));
        BigInteger serial = revokedSerial();
        return () -> found(crl, serial);
      }
      default:
        throw new UnsupportedOperationException("not part of this comparison");
    }
  }

  private static byte[] sign(byte[] content, X509CertificateHolder certificate, PrivateKey key, String algorithm)
      throws Exception {
    var digests = new JcaDigestCalculatorProviderBuilder().setProvider("BC").build();
    var signer = new JcaContentSignerBuilder(algorithm).setProvider("BC").build(key);
    CMSSignedDataGenerator generator = new CMSSignedDataGenerator();
    generator.addSignerInfoGenerator(new JcaSignerInfoGeneratorBuilder(digests).build(signer, certificate));
    generator.addCertificate(certificate);
    return generator.generate(new CMSProcessableByteArray(content), false).getEncoded("DER");
  }

  @SuppressWarnings("unchecked")
  private static CMSSignedData verify(byte[] content, byte[] der) throws Exception {
    CMSSignedData signed = new CMSSignedData(new CMSProcessableByteArray(content), der);
    SignerInformation signer = signed.getSignerInfos().getSigners().iterator().next();
    var certificate = (X509CertificateHolder) signed.getCertificates().getMatches(signer.getSID()).iterator().next();
    if (!signer.verify(new JcaSimpleSignerInfoVerifierBuilder().setProvider("BC").build(certificate)))
      throw new IllegalStateException("the signature is not valid");
    return signed;
  }

  @SuppressWarnings("unchecked")
  private static List<X509Certificate> leafFirst(CMSSignedData signed) throws Exception {
    SignerInformation signer = signed.getSignerInfos().getSigners().iterator().next();
    X509CertificateHolder leaf = null, other = null;
    for (Object found : signed.getCertificates().getMatches(null)) {
      X509CertificateHolder holder = (X509CertificateHolder) found;
      if (signer.getSID().match(holder)) leaf = holder;
      else other = holder;
    }
    return List.of(decode(leaf.getEncoded()), decode(other.getEncoded()));
  }

  private static PKIXParameters trust() throws Exception {
    PKIXParameters parameters = new PKIXParameters(Set.of(new TrustAnchor(certificate("root"), null)));
    parameters.setRevocationEnabled(false);
    return parameters;
  }

  private static Object validate(List<X509Certificate> leafFirst, PKIXParameters parameters) throws Exception {
    CertPath path = CertificateFactory.getInstance("X.509", "BC").generateCertPath(leafFirst);
    return CertPathValidator.getInstance("PKIX", "BC").validate(path, parameters);
  }

  private static byte[] encrypt(byte[] content, X509Certificate[] recipients, boolean gcm) throws Exception {
    var encryptor =
        new JceCMSContentEncryptorBuilder(gcm ? CMSAlgorithm.AES256_GCM : CMSAlgorithm.AES256_CBC)
            .setProvider("BC")
            .build();
    CMSAuthEnvelopedDataGenerator authenticated = new CMSAuthEnvelopedDataGenerator();
    CMSEnvelopedDataGenerator plain = new CMSEnvelopedDataGenerator();
    for (X509Certificate recipient : recipients) {
      RecipientInfoGenerator info = recipientInfo(recipient, gcm);
      if (gcm) authenticated.addRecipientInfoGenerator(info);
      else plain.addRecipientInfoGenerator(info);
    }
    CMSProcessableByteArray input = new CMSProcessableByteArray(content);
    if (gcm) return authenticated.generate(input, (OutputAEADEncryptor) encryptor).getEncoded();
    return plain.generate(input, encryptor).getEncoded();
  }

  private static RecipientInfoGenerator recipientInfo(X509Certificate recipient, boolean oaep) throws Exception {
    if (recipient.getPublicKey().getAlgorithm().startsWith("EC")) {
      var pair = java.security.KeyPairGenerator.getInstance("EC", "BC");
      pair.initialize(new java.security.spec.ECGenParameterSpec("secp256r1"));
      var ephemeral = pair.generateKeyPair();
      return new JceKeyAgreeRecipientInfoGenerator(
              CMSAlgorithm.ECDH_SHA256KDF, ephemeral.getPrivate(), ephemeral.getPublic(), CMSAlgorithm.AES256_WRAP)
          .addRecipient(recipient)
          .setProvider("BC");
    }
    if (!oaep) return new JceKeyTransRecipientInfoGenerator(recipient).setProvider("BC");
    var sha256 = new AlgorithmIdentifier(NISTObjectIdentifiers.id_sha256, DERNull.INSTANCE);
    var mask = new AlgorithmIdentifier(PKCSObjectIdentifiers.id_mgf1, sha256);
    var parameters = new RSAESOAEPparams(sha256, mask, RSAESOAEPparams.DEFAULT_P_SOURCE_ALGORITHM);
    return new JceKeyTransRecipientInfoGenerator(
            recipient, new AlgorithmIdentifier(PKCSObjectIdentifiers.id_RSAES_OAEP, parameters))
        .setProvider("BC");
  }

  private static byte[] decrypt(byte[] der, PrivateKey key, boolean gcm, boolean agreement) throws Exception {
    var recipients = gcm ? new CMSAuthEnvelopedData(der).getRecipientInfos() : new CMSEnvelopedData(der).getRecipientInfos();
    RecipientInformation first = recipients.getRecipients().iterator().next();
    Recipient opener;
    if (agreement) {
      if (gcm) throw new UnsupportedOperationException("no AuthEnvelopedData by key agreement in this version");
      opener = new JceKeyAgreeEnvelopedRecipient(key).setProvider("BC");
    } else
      opener =
          gcm
              ? new JceKeyTransAuthEnvelopedRecipient(key).setProvider("BC")
              : new JceKeyTransEnvelopedRecipient(key).setProvider("BC");
    return first.getContent(opener);
  }

  private static Object found(X509CRLHolder crl, BigInteger serial) {
    Object entry = crl.getRevokedCertificate(serial);
    if (entry == null) throw new IllegalStateException("the entry is not found");
    return entry;
  }

  private static BigInteger revokedSerial() throws IOException {
    byte[] der = read("revoked-serial");
    return new BigInteger(1, java.util.Arrays.copyOfRange(der, 2, der.length));
  }

  private static String signatureAlgorithm(String key) {
    if (key.equals("ed25519")) return "Ed25519";
    return key.equals("p256") ? "SHA256withECDSA" : "SHA256withRSA";
  }

  private static byte[] read(String name) throws IOException {
    return Files.readAllBytes(folder.resolve(name));
  }

  private static X509Certificate certificate(String name) throws Exception {
    return decode(read(name + ".crt"));
  }

  private static X509Certificate decode(byte[] der) throws Exception {
    return (X509Certificate)
        CertificateFactory.getInstance("X.509", "BC").generateCertificate(new ByteArrayInputStream(der));
  }

  private static PrivateKey privateKey(String name, String kind) throws Exception {
    String algorithm = kind.startsWith("rsa") ? "RSA" : kind.equals("p256") ? "EC" : "Ed25519";
    return KeyFactory.getInstance(algorithm, "BC").generatePrivate(new PKCS8EncodedKeySpec(read(name + ".key")));
  }
}
