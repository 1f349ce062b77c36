/*
 * OpenSSL, called in-process as a mail program in C would call it. Reads commands from standard input and answers on standard
 * output, a line for a line:
 *   prepare MS OPERATION KEY CIPHER RECIPIENTS OCTETS   ->  ready | cannot REASON
 *   run MS                                              ->  microseconds of wall clock and of processor time per operation
 * MS is processor time, so that a busy machine does not shorten a warm-up.
 * Built as a program against the system's libcrypto (the fixtures' folder is the first argument), and as a library that runs as it
 * is loaded, against the libcrypto within Node (the folder is in the environment).
 */
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define RECIPIENTS 10

struct octets {
  unsigned char *at;
  long length;
};

static const char *folder;

static struct {
  struct octets content, object, issuing_der;
  X509 *certificate, *issuing;
  EVP_PKEY *key;
  X509 *recipients[RECIPIENTS];
  int recipient_count;
  X509_STORE *trust;
  X509_CRL *crl;
  ASN1_INTEGER *serial;
  int gcm;
} task;

/* ---- files */

static struct octets read_file(const char *name) {
  char path[512];
  struct octets octets = {NULL, 0};
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *file = fopen(path, "rb");
  if (!file) return octets;
  fseek(file, 0, SEEK_END);
  octets.length = ftell(file);
  rewind(file);
  octets.at = malloc(octets.length + 1);
  if (fread(octets.at, 1, octets.length, file) != (size_t)octets.length) octets.length = -1;
  fclose(file);
  return octets;
}

static X509 *read_certificate(const char *name) {
  char file[64];
  snprintf(file, sizeof file, "%s.crt", name);
  struct octets der = read_file(file);
  const unsigned char *at = der.at;
  X509 *certificate = d2i_X509(NULL, &at, der.length);
  free(der.at);
  return certificate;
}

static EVP_PKEY *read_key(const char *name) {
  char file[64];
  snprintf(file, sizeof file, "%s.key", name);
  struct octets der = read_file(file);
  const unsigned char *at = der.at;
  EVP_PKEY *key = d2i_AutoPrivateKey(NULL, &at, der.length);
  free(der.at);
  return key;
}

/* ---- operations: each returns 1, or 0 where OpenSSL refused */

static int serialise(CMS_ContentInfo *cms) {
  unsigned char *der = NULL;
  int length = i2d_CMS_ContentInfo(cms, &der);
  OPENSSL_free(der);
  CMS_ContentInfo_free(cms);
  return length > 0;
}

static int sign(void) {
  BIO *in = BIO_new_mem_buf(task.content.at, task.content.length);
  CMS_ContentInfo *cms = CMS_sign(task.certificate, task.key, NULL, in, CMS_BINARY | CMS_DETACHED | CMS_CADES);
  BIO_free(in);
  return cms && serialise(cms);
}

static int verify_with(X509_STORE *trust) {
  const unsigned char *at = task.object.at;
  CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &at, task.object.length);
  BIO *in = BIO_new_mem_buf(task.content.at, task.content.length);
  int right = CMS_verify(cms, NULL, trust, in, NULL, CMS_BINARY | (trust ? 0 : CMS_NO_SIGNER_CERT_VERIFY));
  BIO_free(in);
  CMS_ContentInfo_free(cms);
  return right == 1;
}

static int verify(void) { return verify_with(NULL); }
static int verify_chain(void) { return verify_with(task.trust); }

static CMS_ContentInfo *add_recipients(CMS_ContentInfo *cms) {
  for (int i = 0; cms && i < task.recipient_count; i++) {
    CMS_RecipientInfo *info = CMS_add1_recipient_cert(cms, task.recipients[i], CMS_KEY_PARAM);
    if (!info) return NULL;
    EVP_PKEY_CTX *context = CMS_RecipientInfo_get0_pkey_ctx(info);
    if (CMS_RecipientInfo_type(info) == CMS_RECIPINFO_AGREE) EVP_PKEY_CTX_set_ecdh_kdf_md(context, EVP_sha256());
    else if (task.gcm) {
      EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING);
      EVP_PKEY_CTX_set_rsa_oaep_md(context, EVP_sha256());
    }
  }
  return cms;
}

static const EVP_CIPHER *cipher(void) { return task.gcm ? EVP_aes_256_gcm() : EVP_aes_256_cbc(); }

static int encrypt(void) {
  BIO *in = BIO_new_mem_buf(task.content.at, task.content.length);
  CMS_ContentInfo *cms = add_recipients(CMS_encrypt(NULL, in, cipher(), CMS_BINARY | CMS_PARTIAL));
  int done = cms && CMS_final(cms, in, NULL, CMS_BINARY) && serialise(cms);
  BIO_free(in);
  return done;
}

static int decrypt(void) {
  const unsigned char *at = task.object.at;
  CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &at, task.object.length);
  BIO *out = BIO_new(BIO_s_mem());
  int done = CMS_decrypt(cms, task.key, task.recipients[0], NULL, out, CMS_BINARY);
  BIO_free(out);
  CMS_ContentInfo_free(cms);
  return done == 1;
}

/* Messages: text mode, which is what `openssl cms` does for mail: line ends are made canonical, as ours are. */

static int mail_sign(void) {
  const int flags = CMS_DETACHED | CMS_STREAM | CMS_CRLFEOL | CMS_CADES;
  STACK_OF(X509) *chain = sk_X509_new_null();
  sk_X509_push(chain, task.issuing);
  BIO *in = BIO_new_mem_buf(task.content.at, task.content.length);
  BIO *out = BIO_new(BIO_s_mem());
  CMS_ContentInfo *cms = CMS_sign(task.certificate, task.key, chain, in, flags);
  int done = cms && SMIME_write_CMS(out, cms, in, flags);
  CMS_ContentInfo_free(cms);
  BIO_free(in);
  BIO_free(out);
  sk_X509_free(chain);
  return done;
}

static int mail_verify(void) {
  BIO *in = BIO_new_mem_buf(task.object.at, task.object.length);
  BIO *content = NULL;
  CMS_ContentInfo *cms = SMIME_read_CMS(in, &content);
  int right = cms && CMS_verify(cms, NULL, task.trust, content, NULL, 0) == 1;
  BIO_free(content);
  CMS_ContentInfo_free(cms);
  BIO_free(in);
  return right;
}

static int mail_encrypt(void) {
  const int flags = CMS_STREAM | CMS_CRLFEOL;
  BIO *in = BIO_new_mem_buf(task.content.at, task.content.length);
  BIO *out = BIO_new(BIO_s_mem());
  CMS_ContentInfo *cms = add_recipients(CMS_encrypt(NULL, in, cipher(), flags | CMS_PARTIAL));
  int done = cms && SMIME_write_CMS(out, cms, in, flags);
  CMS_ContentInfo_free(cms);
  BIO_free(in);
  BIO_free(out);
  return done;
}

static int mail_decrypt(void) {
  BIO *in = BIO_new_mem_buf(task.object.at, task.object.length);
  BIO *out = BIO_new(BIO_s_mem());
  CMS_ContentInfo *cms = SMIME_read_CMS(in, NULL);
  int done = cms && CMS_decrypt(cms, task.key, task.recipients[0], NULL, out, 0) == 1;
  CMS_ContentInfo_free(cms);
  BIO_free(in);
  BIO_free(out);
  return done;
}

/* X509_check_purpose reads the extensions, which d2i_X509 leaves unread. */
static X509 *decode(const struct octets *der) {
  const unsigned char *at = der->at;
  X509 *certificate = d2i_X509(NULL, &at, der->length);
  if (certificate) X509_check_purpose(certificate, -1, 0);
  return certificate;
}

static int decode_certificate(void) {
  X509 *certificate = decode(&task.object);
  X509_free(certificate);
  return certificate != NULL;
}

static int decode_certificate_and_key(void) {
  X509 *certificate = decode(&task.object);
  int done = X509_get0_pubkey(certificate) != NULL;
  X509_free(certificate);
  return done;
}

static int validate_path(void) {
  X509 *leaf = decode(&task.object), *issuing = decode(&task.issuing_der);
  STACK_OF(X509) *untrusted = sk_X509_new_null();
  sk_X509_push(untrusted, issuing);
  X509_STORE_CTX *context = X509_STORE_CTX_new();
  int valid = X509_STORE_CTX_init(context, task.trust, leaf, untrusted) && X509_verify_cert(context) == 1;
  X509_STORE_CTX_free(context);
  sk_X509_pop_free(untrusted, X509_free);
  X509_free(leaf);
  return valid;
}

static int look_up(X509_CRL *crl) {
  X509_REVOKED *entry = NULL;
  return X509_CRL_get0_by_serial(crl, &entry, task.serial) == 1;
}

static int decode_crl(void) {
  const unsigned char *at = task.object.at;
  X509_CRL *crl = d2i_X509_CRL(NULL, &at, task.object.length);
  int found = crl && look_up(crl);
  X509_CRL_free(crl);
  return found;
}

static int look_up_in_crl(void) { return look_up(task.crl); }

static const struct {
  const char *name;
  int (*run)(void);
} operations[] = {
    {"sign", sign},
    {"verify", verify},
    {"verify-chain", verify_chain},
    {"encrypt", encrypt},
    {"decrypt", decrypt},
    {"mail-sign", mail_sign},
    {"mail-verify", mail_verify},
    {"mail-encrypt", mail_encrypt},
    {"mail-decrypt", mail_decrypt},
    {"certificate", decode_certificate},
    {"certificate-key", decode_certificate_and_key},
    {"path", validate_path},
    {"crl", decode_crl},
    {"crl-lookup", look_up_in_crl},
};

/* ---- what a task needs, read before it is timed */

static void forget(void) {
  free(task.content.at);
  free(task.object.at);
  free(task.issuing_der.at);
  X509_free(task.certificate);
  X509_free(task.issuing);
  EVP_PKEY_free(task.key);
  for (int i = 0; i < task.recipient_count; i++) X509_free(task.recipients[i]);
  X509_STORE_free(task.trust);
  X509_CRL_free(task.crl);
  ASN1_INTEGER_free(task.serial);
  memset(&task, 0, sizeof task);
}

static void load(const char *operation, const char *key, const char *cipher_name, int recipients, long octets) {
  char name[96], holder[32];
  int opens = strstr(operation, "decrypt") != NULL;
  task.gcm = strcmp(cipher_name, "gcm") == 0;
  if (octets > 0) {
    snprintf(name, sizeof name, "content-%ld", octets);
    task.content = read_file(name);
  }
  snprintf(holder, sizeof holder, opens ? "%s-0" : "%s", key);
  task.certificate = read_certificate(holder);
  task.key = read_key(holder);
  task.issuing = read_certificate("issuing");
  task.issuing_der = read_file("issuing.crt");
  if (strstr(operation, "crypt")) {
    for (; task.recipient_count < recipients; task.recipient_count++) {
      snprintf(name, sizeof name, "%s-%d", key, task.recipient_count);
      task.recipients[task.recipient_count] = read_certificate(name);
    }
  }
  task.trust = X509_STORE_new();
  X509 *root = read_certificate("root");
  X509_STORE_add_cert(task.trust, root);
  X509_free(root);
  X509_STORE_set_purpose(task.trust, X509_PURPOSE_SMIME_SIGN);
  if (opens) snprintf(name, sizeof name, "%s-%s-%s-%ld", operation, key, cipher_name, octets);
  else if (octets > 0) snprintf(name, sizeof name, "%s-%s-%ld", operation, key, octets);
  else if (strncmp(operation, "crl", 3) == 0) strcpy(name, "crl");
  else snprintf(name, sizeof name, "%s.crt", key);
  task.object = read_file(name);
  if (strncmp(operation, "crl", 3) == 0) {
    const unsigned char *at = task.object.at;
    task.crl = d2i_X509_CRL(NULL, &at, task.object.length);
    struct octets serial = read_file("revoked-serial");
    at = serial.at;
    task.serial = d2i_ASN1_INTEGER(NULL, &at, serial.length);
    free(serial.at);
  }
}

/* ---- the clock */

static double seconds(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return now.tv_sec + now.tv_nsec / 1e9;
}

/* Runs the operation until that much processor time went into it, at least once. False where it failed. */
static int repeat(int (*run)(void), double milliseconds, double *wall, double *cpu) {
  double began = seconds(CLOCK_MONOTONIC), used = seconds(CLOCK_PROCESS_CPUTIME_ID), spent;
  long count = 0;
  do {
    if (!run()) return 0;
    count++;
    spent = seconds(CLOCK_PROCESS_CPUTIME_ID) - used;
  } while (spent * 1e3 < milliseconds);
  *wall = (seconds(CLOCK_MONOTONIC) - began) * 1e6 / count;
  *cpu = spent * 1e6 / count;
  return 1;
}

static void refuse(void) {
  const char *reason = ERR_reason_error_string(ERR_peek_last_error());
  printf("cannot %s\n", reason ? reason : "OpenSSL refused");
  ERR_clear_error();
}

static int serve(void) {
  char line[256], operation[32], key[16], cipher_name[8];
  double milliseconds, wall, cpu;
  int recipients, (*run)(void) = NULL;
  long octets;
  setvbuf(stdout, NULL, _IOLBF, 0);
  while (fgets(line, sizeof line, stdin)) {
    if (sscanf(line, "prepare %lf %31s %15s %7s %d %ld", &milliseconds, operation, key, cipher_name, &recipients,
               &octets) == 6) {
      run = NULL;
      for (size_t i = 0; i < sizeof operations / sizeof *operations; i++)
        if (strcmp(operations[i].name, operation) == 0) run = operations[i].run;
      if (!run || recipients > RECIPIENTS) {
        printf("cannot no such operation\n");
        continue;
      }
      forget();
      load(operation, key, cipher_name, recipients, octets);
      if (repeat(run, milliseconds, &wall, &cpu)) printf("ready\n");
      else refuse();
    } else if (sscanf(line, "run %lf", &milliseconds) == 1 && run && repeat(run, milliseconds, &wall, &cpu))
      printf("%.3f %.3f\n", wall, cpu);
    else refuse();
  }
  return 0;
}

#ifdef WITHIN_NODE
__attribute__((constructor)) static void start(void) {
  folder = getenv("BENCH_FIXTURES");
  _exit(serve());
}
#else
int main(int count, char **arguments) {
  if (count < 2) return 2;
  folder = arguments[1];
  return serve();
}
#endif
