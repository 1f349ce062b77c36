/* Builds and signs an X509_CRL with libcrypto, as a CA in C would. In: how many entries, and a file of 16 octets for each.
   Out: milliseconds of wall clock and of processor time, peak kilobytes, octets of the list. */
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

static double now(clockid_t clock) {
  struct timespec at;
  clock_gettime(clock, &at);
  return at.tv_sec * 1e3 + at.tv_nsec / 1e6;
}

int main(int count, char **arguments) {
  if (count < 3) return 2;
  long entries = atol(arguments[1]);
  unsigned char *serials = malloc((size_t)entries * 16);
  FILE *file = fopen(arguments[2], "rb");
  if (!serials || !file || fread(serials, 16, (size_t)entries, file) != (size_t)entries) return 2;
  fclose(file);
  EVP_PKEY *key = EVP_EC_gen("P-256");
  double wall = now(CLOCK_MONOTONIC), cpu = now(CLOCK_PROCESS_CPUTIME_ID);

  X509_CRL *crl = X509_CRL_new();
  X509_CRL_set_version(crl, 1);
  X509_NAME *name = X509_NAME_new();
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"Benchmark CA", -1, -1, 0);
  X509_CRL_set_issuer_name(crl, name);
  ASN1_TIME *at = ASN1_TIME_new();
  ASN1_TIME_set(at, 1790000000);
  X509_CRL_set1_lastUpdate(crl, at);
  ASN1_TIME_set(at, 1790600000);
  X509_CRL_set1_nextUpdate(crl, at);
  for (long n = 0; n < entries; n++) {
    X509_REVOKED *entry = X509_REVOKED_new();
    BIGNUM *number = BN_bin2bn(serials + n * 16, 16, NULL);
    ASN1_INTEGER *serial = BN_to_ASN1_INTEGER(number, NULL);
    X509_REVOKED_set_serialNumber(entry, serial);
    ASN1_TIME_set(at, 1700000000 + n * 37);
    X509_REVOKED_set_revocationDate(entry, at);
    if (n % 2) {
      ASN1_ENUMERATED *reason = ASN1_ENUMERATED_new();
      ASN1_ENUMERATED_set(reason, 1);
      X509_REVOKED_add1_ext_i2d(entry, NID_crl_reason, reason, 0, 0);
      ASN1_ENUMERATED_free(reason);
    }
    X509_CRL_add0_revoked(crl, entry);
    ASN1_INTEGER_free(serial);
    BN_free(number);
  }
  ASN1_INTEGER *number = ASN1_INTEGER_new();
  ASN1_INTEGER_set(number, 1);
  X509_CRL_add1_ext_i2d(crl, NID_crl_number, number, 0, 0);
  if (!X509_CRL_sign(crl, key, EVP_sha256())) return 1;
  unsigned char *der = NULL;
  int length = i2d_X509_CRL(crl, &der);

  wall = now(CLOCK_MONOTONIC) - wall;
  cpu = now(CLOCK_PROCESS_CPUTIME_ID) - cpu;
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  printf("%.1f %.1f %ld %d\n", wall, cpu, usage.ru_maxrss, length);
  return length > 0 ? 0 : 1;
}
