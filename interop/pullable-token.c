/*
 * A PKCS#11 module in front of another one, through which a test pulls the token and puts it back.
 *
 *   CHANCERY_TEST_MODULE  the module behind it
 *   CHANCERY_TEST_FOLDER  where a test leaves its wishes:
 *     pulled   while this file is there, the token is not: no slot has one, and every call says CKR_DEVICE_REMOVED
 *     pulls    whenever this file changes, sessions opened before are gone for good, as after a real removal
 *     hang     while this file is there, C_Sign does not return
 *     no-gcm   while this file is there, CKM_AES_GCM is not among the mechanisms
 *     logins   one line for each C_Login (written here)
 *
 * CK_FUNCTION_LIST is a version and 68 pointers in an order that PKCS#11 2.40 fixes. Every argument of every function is a word, and
 * there are at most eight, so that one wrapper fits them all (System V ABI of x86-64, AAPCS64).
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef unsigned long W;
typedef W (*Function)(W, W, W, W, W, W, W, W);
typedef struct {
  unsigned char version[2];
  Function functions[68];
} List;

enum { INITIALIZE = 0, FINALIZE = 1, GET_INFO = 2, GET_FUNCTION_LIST = 3, GET_SLOT_LIST = 4, MECHANISMS = 7, LOGIN = 18, SIGN = 43 };
enum { CKM_AES_GCM = 0x1087 };
enum { CKR_OK = 0, CKR_DEVICE_REMOVED = 0x32, CKR_SESSION_HANDLE_INVALID = 0xb3 };

static List *real;
static List ours;
static struct timespec initialized;

static const char *path_of(const char *name) {
  static _Thread_local char path[4096];
  const char *folder = getenv("CHANCERY_TEST_FOLDER");
  snprintf(path, sizeof path, "%s/%s", folder ? folder : "/nonexistent", name);
  return path;
}

static int wished(const char *name) { return access(path_of(name), F_OK) == 0; }

static struct timespec last_pull(void) {
  struct stat found;
  struct timespec never = {0, 0};
  return stat(path_of("pulls"), &found) == 0 ? found.st_mtim : never;
}

static W through(int index, W a, W b, W c, W d, W e, W f, W g, W h) {
  if (index == INITIALIZE) initialized = last_pull();
  if (index > GET_FUNCTION_LIST) {
    struct timespec pull = last_pull();
    if (wished("pulled")) {
      if (index != GET_SLOT_LIST) return CKR_DEVICE_REMOVED;
      *(W *)c = 0;
      return CKR_OK;
    }
    if (index > GET_SLOT_LIST && (pull.tv_sec != initialized.tv_sec || pull.tv_nsec != initialized.tv_nsec))
      return CKR_SESSION_HANDLE_INVALID;
  }
  if (index == LOGIN) {
    FILE *log = fopen(path_of("logins"), "a");
    if (log) {
      fprintf(log, "login\n");
      fclose(log);
    }
  }
  if (index == SIGN)
    while (wished("hang")) usleep(10000);
  W result = real->functions[index](a, b, c, d, e, f, g, h);
  if (index == MECHANISMS && result == CKR_OK && b != 0 && wished("no-gcm")) {
    W *list = (W *)b, *count = (W *)c, kept = 0;
    for (W i = 0; i < *count; i++)
      if (list[i] != CKM_AES_GCM) list[kept++] = list[i];
    *count = kept;
  }
  return result;
}

#define WRAP(n) \
  static W wrap##n(W a, W b, W c, W d, W e, W f, W g, W h) { return through(n, a, b, c, d, e, f, g, h); }
#define ALL(X) \
  X(0) X(1) X(2) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15) X(16) X(17) X(18) X(19) X(20) X(21) X(22) X(23) \
  X(24) X(25) X(26) X(27) X(28) X(29) X(30) X(31) X(32) X(33) X(34) X(35) X(36) X(37) X(38) X(39) X(40) X(41) X(42) X(43) X(44) \
  X(45) X(46) X(47) X(48) X(49) X(50) X(51) X(52) X(53) X(54) X(55) X(56) X(57) X(58) X(59) X(60) X(61) X(62) X(63) X(64) X(65) \
  X(66) X(67)
#define PUT(n) ours.functions[n] = wrap##n;

ALL(WRAP)

W C_GetFunctionList(List **list) {
  if (real == NULL) {
    const char *file = getenv("CHANCERY_TEST_MODULE");
    void *module = dlopen(file ? file : "", RTLD_NOW | RTLD_LOCAL);
    W (*get)(List **) = module ? (W(*)(List **))dlsym(module, "C_GetFunctionList") : NULL;
    if (get == NULL || get(&real) != CKR_OK) return CKR_DEVICE_REMOVED;
    memcpy(&ours, real, sizeof ours);
    ALL(PUT)
    ours.functions[GET_FUNCTION_LIST] = (Function)(void (*)(void))C_GetFunctionList;
  }
  *list = &ours;
  return CKR_OK;
}
