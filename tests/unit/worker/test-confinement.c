/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "worker/cancel.h"
#include "worker/sandbox.h"

/* What a confined worker can and cannot do. It is for good, so that each case is a child of its
 * own; what went otherwise is told on standard error. */

static struct {
        char dir[64], file[96], other[96], new_file[96], other_dir[96], socket_path[96];
        char tty[64], other_tty[64];
        int tty_master, other_master;
        int file_fd, null_fd, output_fd;
        int reports[2];
        bool has_landlock;
} it;

static bool failed;

static void expect(bool good, const char *what) {
        if (good)
                return;
        failed = true;
        (void) fprintf(stderr, "# not so: %s (%s)\n", what, strerror(errno));
}

/* `got` is a call's answer: it must have been refused by the kernel, and by nothing else. */
static void refused(long got, const char *what) {
        expect(got == -1 && (errno == EPERM || errno == EACCES), what);
}

static void in_child(void (*check)(void)) {
        int status;
        pid_t pid = fork();

        assert_true(pid >= 0);
        if (pid == 0) {
                failed = false;
                cancel_setup();
                expect(sandbox_enter(getppid(), false) == 0, "limits");
                check();
                _exit(failed ? 1 : 0);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
}

static void confine(const char *tty, const char *output) {
        const struct sandbox_needs needs = {.tty = tty, .output = output};
        struct fault fault = FAULT_INIT;

        expect(sandbox_confine(&needs, &fault) == 0, "confined");
        if (fault.error != FWD_OK)
                (void) fprintf(stderr, "# %s\n", fault.message);
}

/* A descriptor for a new pseudo terminal; the path of its other end. */
static int pseudo_terminal(char *path, size_t size) {
        int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

        assert_true(fd >= 0);
        assert_int_equal(grantpt(fd), 0);
        assert_int_equal(unlockpt(fd), 0);
        assert_int_equal(ptsname_r(fd, path, size), 0);
        return fd;
}

static int set_up(void **state) {
        (void) strcpy(it.dir, "/tmp/test-confinement.XXXXXX");
        assert_non_null(mkdtemp(it.dir));
        (void) snprintf(it.file, sizeof(it.file), "%s/file", it.dir);
        (void) snprintf(it.other, sizeof(it.other), "%s/other", it.dir);
        (void) snprintf(it.new_file, sizeof(it.new_file), "%s/new", it.dir);
        (void) snprintf(it.other_dir, sizeof(it.other_dir), "%s/dir", it.dir);
        (void) snprintf(it.socket_path, sizeof(it.socket_path), "%s/socket", it.dir);
        it.file_fd = open(it.file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        it.output_fd = open(it.other, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        it.null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        assert_true(it.file_fd >= 0 && it.output_fd >= 0 && it.null_fd >= 0);
        assert_int_equal(write(it.file_fd, "firmware", 8), 8);
        assert_int_equal(mkdir(it.other_dir, 0700), 0);
        it.tty_master = pseudo_terminal(it.tty, sizeof(it.tty));
        it.other_master = pseudo_terminal(it.other_tty, sizeof(it.other_tty));
        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, it.reports), 0);
        it.has_landlock = syscall(SYS_landlock_create_ruleset, NULL, 0, 1 /* version */) >= 1;
        return 0;
}

static int tear_down(void **state) {
        (void) close(it.file_fd);
        (void) close(it.output_fd);
        (void) close(it.null_fd);
        (void) close(it.tty_master);
        (void) close(it.other_master);
        (void) close(it.reports[0]);
        (void) close(it.reports[1]);
        (void) unlink(it.file);
        (void) unlink(it.other);
        (void) unlink(it.socket_path);
        (void) rmdir(it.other_dir);
        return rmdir(it.dir);
}

static void refuses_files(void) {
        refused(open("/etc/passwd", O_RDONLY), "no other file is read");
        refused(open(it.file, O_RDONLY), "nor one of its own again");
        refused(open(it.file, O_WRONLY), "none is written");
        refused(open("/dev/null", O_RDWR), "no other device is opened");
        refused(open(it.other_tty, O_RDWR | O_NOCTTY), "no other port");
        refused(open(it.dir, O_RDONLY | O_DIRECTORY), "no folder is listed");
        refused(open(it.new_file, O_WRONLY | O_CREAT, 0600), "no file is made");
        refused(open(it.dir, O_WRONLY | O_TMPFILE, 0600), "nor one without a name");
        refused(mkdir(it.new_file, 0700), "no folder is made");
        refused(mknod(it.new_file, S_IFIFO | 0600, 0), "no pipe is made");
        refused(symlink("/etc/passwd", it.new_file), "no link is made");
        refused(link(it.file, it.new_file), "nor a hard one");
        refused(rename(it.file, it.new_file), "nothing is renamed");
        refused(chmod(it.file, 0666), "no mode is changed");
        refused(truncate(it.file, 0), "nothing is cut");
        refused(mount("none", "/nonexistent", "tmpfs", 0, NULL), "nothing is mounted");
        refused(chroot("/nonexistent"), "the root stays");
}

static void refuses_network(void) {
        refused(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "no IPv4");
        refused(socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0), "no IPv6");
        refused(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0), "no netlink");
        refused(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), "no raw packets");
}

/* Asked so that what is not refused is another error, and not done. */
static void refuses_processes(void) {
        void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        refused(execve("/nonexistent", (char *const[]){NULL}, environ), "no program is run");
        refused(syscall(SYS_execveat, -1, "", NULL, NULL, 0), "nor by a descriptor");
        refused(syscall(SYS_clone3, NULL, 0), "no process is made in the new way");
        refused(kill(getppid(), 0), "no other process hears a signal");
        refused(syscall(SYS_tgkill, getppid(), getppid(), 0), "nor by its thread");
        refused(syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0), "nor is read");
#ifndef __SANITIZE_ADDRESS__ /* which needs these itself */
        refused(syscall(SYS_clone, CLONE_THREAD, NULL, NULL, NULL, 0), "no process is made");
        refused(ptrace(PTRACE_DETACH, getppid(), NULL, NULL), "nothing is traced");
        refused(prctl(PR_SET_NAME, "other", 0, 0, 0), "nothing is asked of prctl");
#endif
        expect(page != MAP_FAILED, "memory");
        refused(mprotect(page, 4096, PROT_READ | PROT_EXEC), "no memory becomes code");
        refused(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
                                MAP_FAILED
                        ? -1
                        : 0,
                "none is given for code");
}

static void refuses_kernel(void) {
        refused(syscall(SYS_bpf, 0, NULL, 0), "no bpf");
        refused(syscall(SYS_io_uring_setup, 1, NULL), "no io_uring");
        refused(syscall(SYS_userfaultfd, 0), "no userfaultfd");
        refused(syscall(SYS_keyctl, 0, 0, 0, 0, 0), "no keys");
        refused(syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0), "no perf");
        refused(syscall(SYS_unshare, 0), "no namespaces");
        refused(syscall(SYS_init_module, NULL, 0, ""), "no modules");
        refused(setuid(getuid()), "no other user");
        refused(ioctl(it.null_fd, TIOCSTI, "x"), "nothing is typed into a terminal");
        refused(ioctl(it.null_fd, 0x8912 /* SIOCGIFCONF */, NULL), "no interfaces");
}

static void works(void) {
        int memfd = memfd_create("image", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        struct timespec tick = {.tv_nsec = 1000};
        struct pollfd p = {.fd = it.reports[0], .events = POLLIN};
        struct termios settings;
        char byte[8], *big;

        expect(pread(it.file_fd, byte, 8, 0) == 8 && memcmp(byte, "firmware", 8) == 0,
               "a file that it has is read");
        expect(write(it.output_fd, "flash", 5) == 5 && ftruncate(it.output_fd, 5) == 0 &&
                       fsync(it.output_fd) == 0,
               "its output is written");
        expect(memfd >= 0 && write(memfd, "x", 1) == 1 &&
                       fcntl(memfd, F_ADD_SEALS, F_SEAL_WRITE) == 0,
               "a memory file is sealed");
        big = malloc(32 << 20);
        expect(big != NULL, "memory is there");
        free(big);
        expect(clock_nanosleep(CLOCK_MONOTONIC, 0, &tick, NULL) == 0, "it waits");
        expect(send(it.reports[1], "R", 1, MSG_NOSIGNAL) == 1 && poll(&p, 1, 1000) == 1 &&
                       recv(it.reports[0], byte, sizeof(byte), 0) == 1,
               "it reports");
        expect(tcgetattr(it.tty_master, &settings) == 0 &&
                       tcsetattr(it.tty_master, TCSANOW, &settings) == 0,
               "a port that it has is asked");
        errno = 0;
        expect(ioctl(it.null_fd, 0x551f /* USBDEVFS_CONNECT: no such device */) == -1 &&
                       errno == ENOTTY,
               "so is a USB device");
        expect(access(it.dir, F_OK) == 0, "it may ask whether a file is there");
}

static void check_closed(void) {
        confine(NULL, NULL);
        refuses_files();
        refused(unlink(it.file), "nothing is removed");
        refused(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "no local socket is made");
        refuses_network();
        refuses_processes();
        refuses_kernel();
        works();
}

static void test_all_is_open_before(void **state) {
        in_child(check_closed);
}

static int local_socket(void) {
        const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        struct sockaddr_un address = {.sun_family = AF_UNIX};

        (void) strcpy(address.sun_path, it.socket_path);
        if (fd < 0)
                return -1;
        if (connect(fd, (const struct sockaddr *) &address, sizeof(address)) == 0)
                return fd;
        (void) close(fd);
        return errno == ENOENT ? fd : -1; /* nobody listens: it was let through */
}

/* Without landlock the filter cannot tell one file from another until it is sealed. */
static void check_port_opens_later(void) {
        struct fault fault = FAULT_INIT;
        char byte = 0;
        int fd;

        confine(it.tty, NULL);
        if (it.has_landlock)
                refuses_files();
        refuses_network();
        refuses_processes();
        refuses_kernel();
        fd = open(it.tty, O_RDWR | O_NOCTTY | O_CLOEXEC);
        expect(fd >= 0, "the port is opened");
        expect(ioctl(fd, TIOCEXCL) == 0 && ioctl(fd, TIOCNXCL) == 0, "and is its own");
        expect(local_socket() >= 0, "a local socket is connected");

        expect(sandbox_seal(&fault) == 0, "sealed");
        refused(open(it.tty, O_RDWR | O_NOCTTY), "then it is not opened again");
        refused(local_socket(), "no local socket is made");
        refuses_files();
        refuses_network();
        refuses_processes();
        refuses_kernel();
        expect(write(it.tty_master, "\n", 1) == 1 && read(fd, &byte, 1) == 1 && byte == '\n',
               "the port works on");
        works();
}

static void test_port_opens_later(void **state) {
        in_child(check_port_opens_later);
}

static void check_output_goes_again(void) {
        const int other = open(it.new_file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

        confine(NULL, it.new_file);
        expect(unlink(it.new_file) == 0, "an output that came to nothing is removed");
        refused(open(it.new_file, O_WRONLY | O_CREAT, 0600), "and not made again");
        refuses_files();
        if (it.has_landlock)
                refused(rmdir(it.other_dir), "a folder is not removed");
        works();
        (void) close(other);
}

static void test_output_goes_again(void **state) {
        in_child(check_output_goes_again);
}

/* A kernel, or a container around us, that answers `error` to a call. */
static void without(int call, unsigned n, int error, struct scmp_arg_cmp compare) {
        scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);

        expect(filter &&
                       seccomp_rule_add(filter, SCMP_ACT_ERRNO((unsigned) error), call, n,
                                        compare) == 0 &&
                       seccomp_load(filter) == 0,
               "a kernel without");
        seccomp_release(filter);
}

static void check_old_kernel(void) {
        without(SCMP_SYS(landlock_create_ruleset), 0, ENOSYS, SCMP_A0(SCMP_CMP_EQ, 0));
        confine(NULL, NULL);
        refused(open(it.file, O_WRONLY), "without landlock no file is written");
        refused(open(it.new_file, O_WRONLY | O_CREAT, 0600), "none is made");
        refuses_network();
        refuses_processes();
        works();
}

static void check_landlock_out_of_reach(void) {
        without(SCMP_SYS(landlock_create_ruleset), 0, EPERM, SCMP_A0(SCMP_CMP_EQ, 0));
        confine(NULL, NULL);
        refuses_network();
        works();
}

static void check_no_filters(void) {
        if (!it.has_landlock)
                return;
        without(SCMP_SYS(prctl), 1, EINVAL, SCMP_A0(SCMP_CMP_EQ, PR_GET_SECCOMP));
        confine(NULL, NULL);
        refused(open("/etc/passwd", O_RDONLY), "without filters no other file is read");
        refused(open(it.new_file, O_WRONLY | O_CREAT, 0600), "none is made");
        refused(unlink(it.file), "none is removed");
        works();
}

static void test_kernel_without(void **state) {
        in_child(check_old_kernel);
        in_child(check_landlock_out_of_reach);
        in_child(check_no_filters);
}

/* A kernel that has filters and will not take ours: nothing is done unconfined. */
static void check_filter_is_refused(void) {
        const struct sandbox_needs needs = {};
        struct fault fault = FAULT_INIT;

        without(SCMP_SYS(seccomp), 1, EACCES,
                SCMP_A0(SCMP_CMP_EQ, 1 /* SECCOMP_SET_MODE_FILTER */));
        expect(sandbox_confine(&needs, &fault) < 0, "not confined");
        expect(fault.error == FWD_FAILED && strstr(fault.message, "cannot be confined (seccomp)"),
               "and told so");
}

static void test_refused_filter(void **state) {
        in_child(check_filter_is_refused);
}

/* What stack protector and assertions do stays what it is. */
static void test_abort(void **state) {
        int status;
        pid_t pid = fork();

        assert_true(pid >= 0);
        if (pid == 0) {
                if (sandbox_enter(getppid(), false) == 0) {
                        confine(NULL, NULL);
                        abort();
                }
                _exit(1);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), SIGABRT);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_all_is_open_before), cmocka_unit_test(test_port_opens_later),
                cmocka_unit_test(test_output_goes_again),  cmocka_unit_test(test_kernel_without),
                cmocka_unit_test(test_refused_filter),     cmocka_unit_test(test_abort),
        };

        return cmocka_run_group_tests(tests, set_up, tear_down);
}
