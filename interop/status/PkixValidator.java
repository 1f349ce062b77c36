import java.io.FileInputStream;
import java.io.InputStream;
import java.security.cert.CertPath;
import java.security.cert.CertPathValidator;
import java.security.cert.CertPathValidatorException;
import java.security.cert.CertStore;
import java.security.cert.CertificateFactory;
import java.security.cert.CollectionCertStoreParameters;
import java.security.cert.PKIXParameters;
import java.security.cert.PKIXRevocationChecker;
import java.security.cert.PKIXRevocationChecker.Option;
import java.security.cert.TrustAnchor;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/**
 * Java's own PKIX validator: {@code ocsp | crl | cdp, root, issuer, leaf, lists...}, all DER files. With `cdp` it fetches the lists
 * that the certificates name. Prints `valid`, or why not: REVOKED, UNDETERMINED_REVOCATION_STATUS, ...
 */
public class PkixValidator {
  public static void main(String[] args) throws Exception {
    CertificateFactory factory = CertificateFactory.getInstance("X.509");
    CertPath path = factory.generateCertPath(List.of(certificate(factory, args[3]), certificate(factory, args[2])));
    PKIXParameters parameters = new PKIXParameters(Set.of(new TrustAnchor(certificate(factory, args[1]), null)));
    CertPathValidator validator = CertPathValidator.getInstance("PKIX");
    PKIXRevocationChecker checker = (PKIXRevocationChecker) validator.getRevocationChecker();
    EnumSet<Option> options = EnumSet.of(Option.ONLY_END_ENTITY, Option.NO_FALLBACK);
    if (!args[0].equals("ocsp")) options.add(Option.PREFER_CRLS);
    checker.setOptions(options);
    parameters.addCertPathChecker(checker);
    List<Object> lists = new ArrayList<>();
    for (int index = 4; index < args.length; index++) {
      try (InputStream in = new FileInputStream(args[index])) {
        lists.add(factory.generateCRL(in));
      }
    }
    if (!lists.isEmpty())
      parameters.addCertStore(CertStore.getInstance("Collection", new CollectionCertStoreParameters(lists)));
    try {
      validator.validate(path, parameters);
      System.out.println("valid");
    } catch (CertPathValidatorException refused) {
      System.out.println(refused.getReason() + ": " + refused.getMessage());
    }
  }

  private static X509Certificate certificate(CertificateFactory factory, String file) throws Exception {
    try (InputStream in = new FileInputStream(file)) {
      return (X509Certificate) factory.generateCertificate(in);
    }
  }
}
