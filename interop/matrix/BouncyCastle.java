// Bouncy Castle in one process: a question a line (words between tabs), an answer a line ("ok", or "no" and the exception).
// Files are in the folder that is the only argument; see bouncy-castle.ts, which asks.

import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.Key;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.Security;
import java.security.cert.CertPathBuilder;
import java.security.cert.CertStore;
import java.security.cert.CertificateFactory;
import java.security.cert.CollectionCertStoreParameters;
import java.security.cert.PKIXBuilderParameters;
import java.security.cert.TrustAnchor;
import java.security.cert.X509CertSelector;
import java.security.cert.X509Certificate;
import java.security.spec.ECGenParameterSpec;
import java.security.spec.MGF1ParameterSpec;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import javax.crypto.Cipher;
import javax.crypto.SecretKey;
import javax.crypto.spec.GCMParameterSpec;
import javax.crypto.spec.OAEPParameterSpec;
import javax.crypto.spec.PSource;
import javax.crypto.spec.SecretKeySpec;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.ASN1OctetString;
import org.bouncycastle.asn1.ASN1Primitive;
import org.bouncycastle.asn1.cms.CMSObjectIdentifiers;
import org.bouncycastle.asn1.cms.ContentInfo;
import org.bouncycastle.asn1.cms.GCMParameters;
import org.bouncycastle.asn1.pkcs.PKCSObjectIdentifiers;
import org.bouncycastle.asn1.pkcs.PrivateKeyInfo;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.jcajce.JcaCertStore;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cms.*;
import org.bouncycastle.cms.jcajce.*;
import org.bouncycastle.jcajce.io.CipherInputStream;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.openssl.jcajce.JcaPEMKeyConverter;
import org.bouncycastle.operator.InputAEADDecryptor;
import org.bouncycastle.operator.OutputAEADEncryptor;
import org.bouncycastle.operator.OutputEncryptor;
import org.bouncycastle.operator.jcajce.JcaAlgorithmParametersConverter;
import org.bouncycastle.operator.jcajce.JcaDigestCalculatorProviderBuilder;

@SuppressWarnings("unchecked")
public class BouncyCastle {
  static Path folder;

  public static void main(String[] arguments) throws Exception {
    Security.addProvider(new BouncyCastleProvider());
    folder = Path.of(arguments[0]);
    BufferedReader questions = new BufferedReader(new InputStreamReader(System.in));
    for (String line; (line = questions.readLine()) != null; ) {
      String answer;
      try {
        answer = ask(line.split("\t"));
      } catch (Throwable thrown) {
        Throwable cause = thrown;
        while (cause.getCause() != null) cause = cause.getCause();
        answer = "no\t" + cause.getClass().getSimpleName() + ": " + String.valueOf(cause.getMessage()).replaceAll("\\s+", " ");
      }
      System.out.println(answer);
    }
  }

  static String ask(String[] words) throws Exception {
    switch (words[0]) {
      case "version": return "ok\t" + Security.getProvider("BC").getVersionStr();
      case "verify": return verify(words[1], words[2]);
      case "decrypt": return decrypt(words[1], words[2], words[3]);
      case "sign": return sign(words[1], words[2].equals("opaque"), words[3], words[4]);
      case "encrypt": return encrypt(words[1], words[2], words[3], words[4]);
      case "compress": return compress(words[1], words[2]);
      default: throw new IllegalArgumentException(words[0]);
    }
  }

  // ---- reading

  /** @param content of a detached signature, or "-": the object's own, which goes into "bc.out" */
  static String verify(String object, String content) throws Exception {
    CMSSignedData data = content.equals("-")
        ? new CMSSignedData(bytes(object))
        : new CMSSignedData(new CMSProcessableByteArray(bytes(content)), bytes(object));
    if (data.getSignerInfos().size() == 0) return "no\tno signers";
    for (SignerInformation signer : data.getSignerInfos().getSigners()) {
      var found = data.getCertificates().getMatches(signer.getSID());
      if (found.isEmpty()) return "no\tno certificate";
      X509CertificateHolder holder = (X509CertificateHolder) found.iterator().next();
      if (!signer.verify(new JcaSimpleSignerInfoVerifierBuilder().setProvider("BC").build(holder))) return "no\tthe signature is wrong";
      buildPath(holder, data);
    }
    Files.write(folder.resolve("bc.out"), (byte[]) data.getSignedContent().getContent());
    return "ok";
  }

  static void buildPath(X509CertificateHolder leaf, CMSSignedData data) throws Exception {
    JcaX509CertificateConverter converter = new JcaX509CertificateConverter().setProvider("BC");
    List<X509Certificate> all = new ArrayList<>();
    for (X509CertificateHolder one : data.getCertificates().getMatches(null)) all.add(converter.getCertificate(one));
    X509CertSelector target = new X509CertSelector();
    target.setCertificate(converter.getCertificate(leaf));
    PKIXBuilderParameters parameters = new PKIXBuilderParameters(Collections.singleton(new TrustAnchor(certificate("root"), null)), target);
    parameters.addCertStore(CertStore.getInstance("Collection", new CollectionCertStoreParameters(all)));
    parameters.setRevocationEnabled(false);
    CertPathBuilder.getInstance("PKIX", "BC").build(parameters);
  }

  static String decrypt(String object, String with, String out) throws Exception {
    ContentInfo info = ContentInfo.getInstance(ASN1Primitive.fromByteArray(bytes(object)));
    if (info.getContentType().equals(CMSObjectIdentifiers.compressedData)) {
      Files.write(folder.resolve(out), new CMSCompressedData(bytes(object)).getContent(new ZlibExpanderProvider(1_000_000)));
      return "ok";
    }
    boolean authenticated = info.getContentType().equals(CMSObjectIdentifiers.authEnvelopedData);
    RecipientInformationStore recipients = authenticated
        ? new CMSAuthEnvelopedData(bytes(object)).getRecipientInfos()
        : new CMSEnvelopedData(bytes(object)).getRecipientInfos();
    for (RecipientInformation one : recipients.getRecipients()) {
      if (!isFor(one, with)) continue;
      Files.write(folder.resolve(out), one.getContent(opener(one, with, authenticated)));
      return "ok";
    }
    return "no\tno recipient of that kind";
  }

  static boolean isFor(RecipientInformation one, String with) throws Exception {
    if (with.startsWith("kek:")) return one instanceof KEKRecipientInformation;
    if (with.startsWith("password:")) return one instanceof PasswordRecipientInformation;
    if (one instanceof KEKRecipientInformation || one instanceof PasswordRecipientInformation) return false;
    return one.getRID().match(new X509CertificateHolder(certificate(with).getEncoded()));
  }

  static Recipient opener(RecipientInformation one, String with, boolean authenticated) throws Exception {
    String value = with.substring(with.indexOf(':') + 1);
    if (one instanceof PasswordRecipientInformation) return new JcePasswordEnvelopedRecipient(value.toCharArray()).setProvider("BC");
    if (one instanceof KEKRecipientInformation) {
      SecretKey key = new SecretKeySpec(HexFormat.of().parseHex(value), "AES");
      return authenticated ? new SharedKeyOfGcm(key).setProvider("BC") : new JceKEKEnvelopedRecipient(key).setProvider("BC");
    }
    PrivateKey key = privateKey(with);
    if (one instanceof KeyAgreeRecipientInformation)
      return authenticated ? new AgreementOfGcm(key).setProvider("BC") : new JceKeyAgreeEnvelopedRecipient(key).setProvider("BC");
    return authenticated ? new JceKeyTransAuthEnvelopedRecipient(key).setProvider("BC") : new JceKeyTransEnvelopedRecipient(key).setProvider("BC");
  }

  // 1.72 has AuthEnvelopedData for key transport alone; for the other kinds of recipient its user adds the last step.

  static class AgreementOfGcm extends JceKeyAgreeRecipient {
    AgreementOfGcm(PrivateKey key) { super(key); }

    public RecipientOperator getRecipientOperator(AlgorithmIdentifier agreement, AlgorithmIdentifier content, SubjectPublicKeyInfo sender, ASN1OctetString material, byte[] key) throws CMSException {
      return gcm(extractSecretKey(agreement, content, sender, material, key), content);
    }
  }

  static class SharedKeyOfGcm extends JceKEKRecipient {
    SharedKeyOfGcm(SecretKey key) { super(key); }

    public RecipientOperator getRecipientOperator(AlgorithmIdentifier wrap, AlgorithmIdentifier content, byte[] key) throws CMSException {
      return gcm(extractSecretKey(wrap, content, key), content);
    }
  }

  static RecipientOperator gcm(Key key, AlgorithmIdentifier content) throws CMSException {
    GCMParameters parameters = GCMParameters.getInstance(content.getParameters());
    Cipher cipher;
    try {
      cipher = Cipher.getInstance("AES/GCM/NoPadding", "BC");
      cipher.init(Cipher.DECRYPT_MODE, new SecretKeySpec(key.getEncoded(), "AES"), new GCMParameterSpec(parameters.getIcvLen() * 8, parameters.getNonce()));
    } catch (GeneralSecurityException failure) {
      throw new CMSException("GCM", failure);
    }
    return new RecipientOperator(new InputAEADDecryptor() {
      public AlgorithmIdentifier getAlgorithmIdentifier() { return content; }
      public InputStream getInputStream(InputStream encrypted) { return new CipherInputStream(encrypted, cipher); }
      public OutputStream getAADStream() {
        return new OutputStream() {
          public void write(int octet) { cipher.updateAAD(new byte[] {(byte) octet}); }
        };
      }
      public byte[] getMAC() { return null; }
    });
  }

  // ---- writing

  /** @param signers "WHO:ALGORITHM", several with a comma between */
  static String sign(String content, boolean attached, String signers, String out) throws Exception {
    CMSSignedDataGenerator generator = new CMSSignedDataGenerator();
    List<X509Certificate> certificates = new ArrayList<>(List.of(certificate("issuing")));
    for (String one : signers.split(",")) {
      String[] parts = one.split(":");
      X509Certificate own = certificate(parts[0]);
      certificates.add(own);
      generator.addSignerInfoGenerator(new JcaSimpleSignerInfoGeneratorBuilder().setProvider("BC").build(parts[1], privateKey(parts[0]), own));
    }
    generator.addCertificates(new JcaCertStore(certificates));
    Files.write(folder.resolve(out), generator.generate(new CMSProcessableByteArray(bytes(content)), attached).getEncoded());
    return "ok";
  }

  /** @param recipients "pkcs1:WHO", "keyid:WHO", "oaep:WHO:SHA-256", "ecdh:WHO:SCHEME:CURVE", "kek:HEX:HEX", "password:TEXT", several with a comma between */
  static String encrypt(String content, String cipher, String recipients, String out) throws Exception {
    List<RecipientInfoGenerator> generators = new ArrayList<>();
    for (String one : recipients.split(",")) generators.add(recipient(one.split(":")));
    ASN1ObjectIdentifier algorithm = (ASN1ObjectIdentifier) CMSAlgorithm.class.getField(cipher).get(null);
    OutputEncryptor encryptor = new JceCMSContentEncryptorBuilder(algorithm).setProvider("BC").build();
    CMSTypedData data = new CMSProcessableByteArray(bytes(content));
    byte[] object;
    if (cipher.endsWith("GCM")) {
      CMSAuthEnvelopedDataGenerator generator = new CMSAuthEnvelopedDataGenerator();
      for (RecipientInfoGenerator one : generators) generator.addRecipientInfoGenerator(one);
      object = generator.generate(data, (OutputAEADEncryptor) encryptor).getEncoded();
    } else {
      CMSEnvelopedDataGenerator generator = new CMSEnvelopedDataGenerator();
      for (RecipientInfoGenerator one : generators) generator.addRecipientInfoGenerator(one);
      object = generator.generate(data, encryptor).getEncoded();
    }
    Files.write(folder.resolve(out), object);
    return "ok";
  }

  static RecipientInfoGenerator recipient(String[] parts) throws Exception {
    switch (parts[0]) {
      case "pkcs1": return new JceKeyTransRecipientInfoGenerator(certificate(parts[1])).setProvider("BC");
      case "keyid": {
        byte[] identifier = new X509CertificateHolder(bytes(parts[1] + ".der")).getExtension(Extension.subjectKeyIdentifier).getParsedValue().toASN1Primitive().getEncoded();
        return new JceKeyTransRecipientInfoGenerator(ASN1OctetString.getInstance(identifier).getOctets(), certificate(parts[1]).getPublicKey()).setProvider("BC");
      }
      case "oaep": {
        OAEPParameterSpec parameters = new OAEPParameterSpec(parts[2], "MGF1", new MGF1ParameterSpec(parts[2]), PSource.PSpecified.DEFAULT);
        AlgorithmIdentifier scheme = new JcaAlgorithmParametersConverter().getAlgorithmIdentifier(PKCSObjectIdentifiers.id_RSAES_OAEP, parameters);
        return new JceKeyTransRecipientInfoGenerator(certificate(parts[1]), scheme).setProvider("BC");
      }
      case "ecdh": {
        KeyPairGenerator pairs = KeyPairGenerator.getInstance(parts[3].startsWith("X") ? parts[3] : "EC", "BC");
        if (!parts[3].startsWith("X")) pairs.initialize(new ECGenParameterSpec(parts[3]));
        KeyPair ephemeral = pairs.generateKeyPair();
        return new JceKeyAgreeRecipientInfoGenerator(new ASN1ObjectIdentifier(parts[2]), ephemeral.getPrivate(), ephemeral.getPublic(), CMSAlgorithm.AES256_WRAP)
            .addRecipient(certificate(parts[1])).setProvider("BC");
      }
      case "kek":
        return new JceKEKRecipientInfoGenerator(HexFormat.of().parseHex(parts[2]), new SecretKeySpec(HexFormat.of().parseHex(parts[1]), "AES")).setProvider("BC");
      default: return new JcePasswordRecipientInfoGenerator(CMSAlgorithm.AES256_CBC, parts[1].toCharArray()).setProvider("BC");
    }
  }

  static String compress(String content, String out) throws Exception {
    CMSCompressedDataGenerator generator = new CMSCompressedDataGenerator();
    Files.write(folder.resolve(out), generator.generate(new CMSProcessableByteArray(bytes(content)), new ZlibCompressor()).getEncoded());
    return "ok";
  }

  // ---- files

  static byte[] bytes(String name) throws Exception { return Files.readAllBytes(folder.resolve(name)); }

  static X509Certificate certificate(String who) throws Exception {
    return (X509Certificate) CertificateFactory.getInstance("X.509", "BC").generateCertificate(new ByteArrayInputStream(bytes(who + ".der")));
  }

  static PrivateKey privateKey(String who) throws Exception {
    return new JcaPEMKeyConverter().setProvider("BC").getPrivateKey(PrivateKeyInfo.getInstance(bytes(who + ".pk8")));
  }
}
