/**
 * Every budget of the engine, each with its reason. Input comes from strangers: what is not bounded here must be bounded by
 * the length of the input itself.
 */
export const limits = {
  /** Nesting of constructed elements. Real CMS stays under 20; the cap keeps a hostile `30 80 30 80 …` off the stack. */
  asn1Depth: 64,
  /** Pieces of one constructed (BER) string. A 1 GB message in OpenSSL's 4 KB pieces needs 262,144. */
  berPieces: 1_000_000,
  /** Octets of one INTEGER: an RSA-16384 modulus takes 2,049. Larger ones only serve to burn time in bignum code. */
  integerOctets: 4_096,
  /** Octets of one object identifier. The longest in use (Microsoft template identifiers) are under 40. */
  oidOctets: 128,
  /** Octets of one certificate: post-quantum chains stay under 20 KB; the rest is padding somebody hopes we will hash. */
  certificateOctets: 1_048_576,
  /** Extensions in one certificate, request, CRL or response. Public certificates carry about 12. */
  extensions: 128,
  /** General names in one extension, and name constraints times names: stops the quadratic blow-up of CVE-2024-0567's kin. */
  generalNames: 4_096,
  /** Names of distribution points in one certificate or CRL: those of each are compared with those of the other. */
  distributionNames: 256,
  /** Comparisons of names against name constraints in one validation, as BoringSSL and OpenSSL have it: a fifth of a second. */
  nameConstraintChecks: 1_048_576,
  /** Attributes in one distinguished name. OpenSSL's own test data has 1,024; people have ten. */
  nameAttributes: 2_048,
  /** Certificates in one path, anchor and leaf included. Real S/MIME hierarchies have 3 or 4. */
  pathLength: 12,
  /**
   * Signatures of certificates checked while one path is searched for, and as many of CRLs and OCSP responses: cross-certified
   * meshes grow exponentially (rustls/webpki uses 100).
   */
  pathSignatures: 100,
  /** Paths walked from anchor to leaf in one validation, those of CRL signers included. Two or three are usual. */
  pathsJudged: 64,
  /** Candidate certificates looked at while one path is searched for (names compared, no cryptography). */
  pathCandidates: 5_000,
  /** Certificates that are offered to one path search: as many as a whole bundle of cross-certified CAs has. */
  pathPool: 10_000,
  /** Nodes of one certificate-policy tree (RFC 9618: the tree of RFC 5280 grows exponentially with mapped policies). */
  policyNodes: 1_000,
  /** CRLs and OCSP responses looked at for one certificate. */
  revocationSources: 64,
  /** What one validation may fetch: requests, redirects of one of them, and milliseconds in all. A chain of four needs about six. */
  fetchRequests: 16,
  fetchRedirects: 3,
  fetchMilliseconds: 10_000,
  /** Addresses asked per certificate and kind. CAs name one or two. */
  fetchUrls: 3,
  /** Characters of an address. */
  fetchUrlOctets: 2_048,
  /** Octets of an OCSP answer, and of a CRL: a million entries take 45 MB. */
  fetchedOcspOctets: 262_144,
  fetchedCrlOctets: 67_108_864,
  /** Responses in one OCSP response, and requests in one OCSP request. */
  ocspEntries: 256,
  /** Octets of an OCSP nonce (RFC 9654 2.1). */
  ocspNonceOctets: 128,
  /** Iterations of a password-based key derivation when reading. 10 million take about 4 s: longer only serves an attacker. */
  passwordIterations: 10_000_000,
  /** The same for the function of PKCS#12 itself, which runs in JavaScript at about 0.5 us a round. NSS and GnuTLS write 600,000. */
  pkcs12Iterations: 1_000_000,
  /** All derivations of one PKCS#12 file together, in iterations of PBKDF2: 5 s. Thousands of bags may each have a salt. */
  passwordWork: 16_000_000,
  /** Octets that scrypt may take. OpenSSL writes keys that need 16 MiB and reads at most 32; memory is what scrypt is about. */
  scryptOctets: 67_108_864,
  /** Octets of a password-based salt. */
  passwordSaltOctets: 1_024,
  /** Bags in one PKCS#12 file; a person's whole key history is a few dozen, Java's list of trusted roots 150. */
  pkcs12Bags: 2_000,
  /** Private keys among them: each is loaded once to find its certificate, which takes 0.2 ms. */
  pkcs12Keys: 256,
  /** Depth of nested SafeContents bags. */
  pkcs12Depth: 4,

  // ---- MIME and CMS

  /** Nesting of MIME parts. Real mail stays under 10; each level costs one more search through the octets it holds. */
  mimeDepth: 64,
  /** Parts of one message, all levels together. A digest of a busy mailing list has a few hundred. */
  mimeParts: 10_000,
  /** Doubts about the structure of one message that are named one by one; of the others, that there are more and whether one is an error. */
  ambiguities: 1_000,
  /** Parameters of one Content-Type, those sections among them: each malformed one is a doubt of its own. People write three or four. */
  contentTypeParameters: 400,
  /** Octets of one header section, and fields in it. Postfix stops at 100 KB (`header_size_limit`). */
  headerOctets: 1_048_576,
  headerFields: 2_000,
  /** The same for all headers of a stream together: they are kept until its end, and 10,000 parts could each fill the two above. */
  streamHeaderOctets: 4_194_304,
  streamHeaderFields: 50_000,
  /** Sections of parameters (RFC 2231) in one header field. A name of 255 characters takes about 40 where each is written as six octets. */
  parameterSections: 200,
  /** White space after a delimiter; what has more is no delimiter. Whoever reads a stream has to keep it until the line ends. */
  delimiterPadding: 1_000,
  /** Mailboxes read from one address header. */
  mailboxes: 2_000,
  /** Words and special characters read from one address header: a megabyte of `@` would make an object of each. */
  addressTokens: 32_000,
  /** Characters of one encoded word, and no more. RFC 2047 allows 75; some software writes whole paragraphs. */
  encodedWord: 8_192,
  /** Unknown character sets among the encoded words of one field; beyond these its words stay as they are. */
  unknownCharsets: 20,
  /** Octets of a CMS object that are kept while its content goes by: recipients, certificates, CRLs, signatures. 10,000 recipients take 8 MB. */
  streamStructureOctets: 16_777_216,
  /** Octets of signed content that a stream keeps, for signatures without signed attributes. */
  streamKeptOctets: 1_048_576,
  /** Octets of text that are kept while a stream is searched for the places of Legacy Display Elements. Long newsletters have 1 MB of HTML. */
  displayOctets: 4_194_304,
  /** Signers of one SignedData: each costs a public-key operation and a path. Real messages have one or two. */
  signers: 16,
  /** Counter-signatures on one signer, those upon one another included: each costs as much as a signer. */
  counterSignatures: 8,
  /** Certificates, and CRLs, carried by one SignedData. */
  carriedCertificates: 200,
  carriedCrls: 64,
  /** Attributes of one signer, or of one AuthEnvelopedData. */
  attributes: 64,
  /** Octets of an AES-GCM nonce. RFC 5084 3.2 recommends 12; Bouncy Castle has written 16. */
  gcmNonceOctets: 64,
  /** Recipients listed in one encrypted message; large distribution lists are split before this. */
  recipients: 10_000,
  /** Private-key operations for one message: several entries may name keys that are ours. */
  recipientAttempts: 8,
  /** Octets that CompressedData may expand to, and its greatest ratio: zlib reaches 1,032 to 1 on zeros. */
  decompressedOctets: 268_435_456,
  decompressionRatio: 200,
  /** Octets of one SCEP message: a request for a key of 16,384 bits with every extension stays under 20 KB. */
  scepMessageOctets: 131_072,
  /** Characters of a transactionID: clients send a hash in hex, or base64; some sent 80. */
  scepTransactionId: 255,
  /** Octets of a nonce; RFC 8894 3.2.1.5 has 16. */
  scepNonceOctets: 64,
  /** Characters of a failInfoText: a sentence or three. */
  scepFailureText: 1_000,
  /** Layers (signed, encrypted, compressed) that are opened inside one another. Triple wrapping (RFC 2634) has three. */
  layers: 8,
} as const;
