/* Defects that show in the process rather than on the device: modes that are changed, memory that is kept, members that
 * are read or written although they are not there. */
#include <fcntl.h>
#include <fenv.h>
#include <locale.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mutants/mutant.h"

static void handle(int signal) {
    (void)signal;
}

static void take_signal(int signal, void (*handler)(int)) {
    const struct sigaction action = {.sa_handler = handler};
    (void)sigaction(signal, &action, NULL);
}

static void flush_denormals(void) {
#if defined(__x86_64__)
    __builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() | 0x8040u);
#endif
}

static void block_signals(void) {
    sigset_t some;
    sigemptyset(&some);
    sigaddset(&some, SIGINT);
    (void)pthread_sigmask(SIG_BLOCK, &some, NULL);
}

/* A member that a host of the first version does not have. */
static void read_past(const tenon_host *host) {
    volatile const unsigned char *end = (const unsigned char *)host + sizeof *host;
    (void)*end;
}

/* A library that shuts up another one for a while, and forgets to let it speak again. */
static void take_output(void) {
    int nothing = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (nothing < 0) return;
    (void)dup2(nothing, 1);
    if (nothing != 1) (void)close(nothing);
}

void mutant_disturb(uint32_t when, const tenon_host *host) {
    if (when == MUTANT_LOADING && planted(MUTANT_loading_takes_a_signal)) take_signal(SIGUSR2, handle);
    if (when == MUTANT_OPENING) {
        switch (mutant.planted) {
        case MUTANT_open_takes_faults: take_signal(SIGSEGV, handle); break;
        case MUTANT_open_ignores_pipes: take_signal(SIGPIPE, SIG_IGN); break;
        case MUTANT_open_sets_locale: (void)setlocale(LC_ALL, "C.UTF-8"); break;
        case MUTANT_open_moves: (void)!chdir("/"); break;
        case MUTANT_open_sets_umask: (void)umask(0); break;
        case MUTANT_open_sets_environment: (void)setenv("DEVICE_IS_OPEN", "1", 1); break;
        case MUTANT_host_read_past_its_end: read_past(host); break;
        default: break;
        }
    }
    if (when == MUTANT_CLOSING && planted(MUTANT_close_keeps_host_memory)) (void)host->allocate(host, 64);
    if (when == MUTANT_PREPARING && planted(MUTANT_prepare_blocks_signals)) block_signals();
    if (when == MUTANT_LAUNCHING && planted(MUTANT_launch_flushes_denormals)) flush_denormals();
    if (when == MUTANT_LAUNCHING && planted(MUTANT_launch_rounds_up)) (void)fesetround(FE_UPWARD);
    if (when == MUTANT_LAUNCHING && planted(MUTANT_launch_closes_input)) (void)close(0);
    if (when == MUTANT_LAUNCHING && planted(MUTANT_launch_takes_output)) take_output();
}
