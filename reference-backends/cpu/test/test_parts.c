/* Parts of the cpu backend by themselves: the digest, the choice of an instruction set, the trust in a folder. */
#include "../folder.h"
#include "../isa.h"
#include "../sha256.h"

#include "fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Examples of FIPS 180-4's publishers, and a million letters in pieces of every size. */
START_TEST(sha256_gives_the_published_digests) {
    static const struct {
        const char *text;
        int repeats;
        const char *digest;
    } rows[] = {
        {"", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
        {"aaaaaaaaaa", 100000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint8_t digest[CPU_SHA256_BYTES];
        char hex[CPU_SHA256_HEX];
        cpu_sha256 sha;
        cpu_sha256_begin(&sha);
        for (int j = 0; j < rows[i].repeats; j++) cpu_sha256_add(&sha, rows[i].text, strlen(rows[i].text));
        cpu_sha256_end(&sha, digest);
        cpu_sha256_hex(digest, hex);
        ck_assert_str_eq(hex, rows[i].digest);
    }
}
END_TEST

START_TEST(instruction_sets_are_only_lowered) {
    int known;
    cpu_isa best = cpu_isa_detect();
    ck_assert_int_eq(cpu_isa_choose(NULL, &known), best);
    ck_assert_int_eq(known, 1);
    ck_assert_int_eq(cpu_isa_choose("baseline", &known), CPU_ISA_BASELINE);
    ck_assert_int_eq(known, 1);
    ck_assert_int_le(cpu_isa_choose("avx2", &known), best);
    ck_assert_int_eq(cpu_isa_choose("sse9", &known), best);
    ck_assert_int_eq(known, 0);
}
END_TEST

START_TEST(default_float_is_ieee) {
    uint32_t saved = cpu_isa_default_float(), again = cpu_isa_default_float();
    ck_assert_uint_eq(saved & 0xffc0, again & 0xffc0); /* it was so already: flags apart, nothing changed */
    cpu_isa_restore_float(saved);
    volatile float tiny = 1e-40f;
    ck_assert(tiny * 0.5f > 0.0f);
}
END_TEST

static char base[64];

static void put_file(const char *name, size_t size, int days_old) {
    char path[160];
    (void)snprintf(path, sizeof path, "%s/own/%s", base, name);
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    for (size_t i = 0; i < size; i++) (void)fputc('x', file);
    ck_assert_int_eq(fclose(file), 0);
    struct timespec times[2] = {{0, UTIME_OMIT}, {time(NULL) - (time_t)days_old * 86400, 0}};
    ck_assert_int_eq(utimensat(AT_FDCWD, path, times, 0), 0);
}

static int has_file(const char *name) {
    char path[160];
    (void)snprintf(path, sizeof path, "%s/own/%s", base, name);
    return access(path, F_OK) == 0;
}

static int open_own(void) {
    char path[PATH_MAX], why[160] = "";
    int folder = cpu_folder_open(base, "own", path, why, sizeof why);
    ck_assert_int_eq(folder < 0, why[0] != '\0');
    return folder;
}

START_TEST(folders_are_trusted_or_refused) {
    char path[96];
    (void)snprintf(base, sizeof base, "/tmp/tenon-cpu-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(base));
    int folder = open_own();
    ck_assert_int_ge(folder, 0);
    (void)snprintf(path, sizeof path, "%s/own", base);
    ck_assert_int_eq(chmod(path, 0750), 0); /* not private */
    ck_assert_int_lt(open_own(), 0);
    ck_assert_int_eq(chmod(path, 0700), 0);
    ck_assert_int_eq(chmod(base, 0777), 0); /* could be swapped */
    ck_assert_int_lt(open_own(), 0);
    ck_assert_int_eq(chmod(base, 0700), 0);

    put_file("old", 1000, 3);
    put_file("new", 1000, 0);
    put_file("older", 1000, 5);
    put_file(CPU_FOLDER_TEMPORARY "abandoned", 10, 2);
    put_file(CPU_FOLDER_TEMPORARY "making", 10, 0);
    cpu_folder_trim(folder, 2500);
    ck_assert(has_file("new") && has_file("old") && has_file(CPU_FOLDER_TEMPORARY "making"));
    ck_assert(!has_file("older") && !has_file(CPU_FOLDER_TEMPORARY "abandoned"));
    cpu_folder_trim(folder, 0);
    ck_assert(!has_file("new") && !has_file(CPU_FOLDER_TEMPORARY "making"));
    ck_assert_int_eq(close(folder), 0);

    ck_assert_int_eq(rmdir(path), 0);
    ck_assert_int_eq(symlink("/tmp", path), 0); /* a link in its place */
    ck_assert_int_lt(open_own(), 0);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(rmdir(base), 0);
}
END_TEST

static Suite *suite(void) {
    Suite *made = suite_create("cpu parts");
    TCase *cases = tcase_create("all");
    tcase_add_test(cases, sha256_gives_the_published_digests);
    tcase_add_test(cases, instruction_sets_are_only_lowered);
    tcase_add_test(cases, default_float_is_ieee);
    tcase_add_test(cases, folders_are_trusted_or_refused);
    suite_add_tcase(made, cases);
    return made;
}

int main(void) {
    return fixture_main(suite());
}
