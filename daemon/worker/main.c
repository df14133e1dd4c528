/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "config.h"
#include "worker/cancel.h"
#include "worker/files.h"
#include "worker/sandbox.h"
#include "worker/worker.h"

static const struct operation *const operations[] = {
        &op_inspect,   &op_identify, &op_reboot,  &op_flash,   &op_leave,   &op_read,    &op_erase,
        &op_unprotect, &op_backup,   &op_restore, &op_compare, &op_recover, &op_defaults};

struct arguments {
        struct worker *worker;
        const char *board;
        const char *output;
        int report_fd;
};

static void print_help(FILE *out) {
        (void) fputs(
                "fwd-worker OPERATION [OPTION]…\n"
                "\n"
                "Does one thing with one board, and says what it does. The service runs it for\n"
                "each step of a job; it works by hand as well.\n"
                "\n"
                "Operations:\n",
                out);
        for (size_t i = 0; i < ARRAY_SIZE(operations); i++)
                (void) fprintf(out, "  %-10s %s\n", operations[i]->name, operations[i]->summary);
        (void) fputs(
                "\n"
                "Options:\n"
                "  --node=PATH           the board's USB node, /dev/bus/usb/BBB/DDD\n"
                "  --tty=PATH            its serial port, /dev/ttyACM0\n"
                "  --hidraw=PATH         its HID interface 0, /dev/hidraw0\n"
                "  --port=PORT           the port it is on, for messages (1-2.3)\n"
                "  --image=FILE          the firmware file\n"
                "  --image-name=NAME     what people call it, if that is not its path\n"
                "  --board=PROFILE       what kind of board it is\n"
                "  --expect-id=VVVV:PPPP refuse another USB id\n"
                "  --expect-serial=TEXT  refuse another serial number\n"
                "  --option=KEY=VALUE    address=0x08000000, force=yes, erase=full, leave=no,\n"
                "                        to=firmware, range=0x08000000+16K, dry-run=yes,\n"
                "                        dump=yes, only=serial,osd, save-with-errors=yes\n"
                "  --output=FILE         a new file for what is read (of a flash: the old one)\n"
                "  --map=TEXT            the chip's memory, for a dry run without --node\n"
                "  --mcu=NAME            the chip, for the same\n"
                "  --image-fd=N          the firmware file as a sealed memfd\n"
                "  --source-fd=N         the firmware file, to be copied into --image-fd\n"
                "  --output-fd=N         a memfd or file for what is read\n"
                "  --report-fd=N         socket for reports, instead of standard output\n"
                "  --help, --version\n",
                out);
}

static int take_fd_number(const char *text, const char *name, int *ret, struct fault *fault) {
        uint64_t fd;

        if (parse_u64(text, INT_MAX, &fd) < 0 || fcntl((int) fd, F_GETFD) < 0 ||
            fcntl((int) fd, F_SETFD, FD_CLOEXEC) < 0)
                return fault_set(fault, FWD_INVALID_ARGUMENT, "%s is no open descriptor: %.20s",
                                 name, text);
        *ret = (int) fd;
        return 0;
}

/* A file by hand: a new one, so that nothing is lost by a slip. */
static int take_output(struct arguments *args, const char *path, struct fault *fault) {
        if (args->worker->output_fd >= 0)
                return fault_set(fault, FWD_INVALID_ARGUMENT, "There are two outputs");
        args->worker->output_fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (args->worker->output_fd < 0)
                return fault_set(fault, FWD_INVALID_ARGUMENT, "%s cannot be created: %s", path,
                                 strerror(errno));
        args->output = path;
        return 0;
}

static int take_hex4(const char *text, uint16_t *ret) {
        char digits[7] = "0x";
        uint64_t value;

        if (strspn(text, "0123456789abcdefABCDEF") < 4)
                return -EINVAL;
        memcpy(digits + 2, text, 4);
        if (parse_u64(digits, UINT16_MAX, &value) < 0)
                return -EINVAL;
        *ret = (uint16_t) value;
        return 0;
}

static int take_expected_id(struct worker *worker, const char *text, struct fault *fault) {
        if (strlen(text) != strlen("vvvv:pppp") || text[4] != ':' ||
            take_hex4(text, &worker->expected_vendor_id) < 0 ||
            take_hex4(text + 5, &worker->expected_product_id) < 0)
                return fault_set(fault, FWD_INVALID_ARGUMENT,
                                 "--expect-id is VVVV:PPPP in hexadecimal, not: %.20s", text);
        worker->has_expected_id = true;
        return 0;
}

static const struct operation *find_operation(const char *name) {
        for (size_t i = 0; i < ARRAY_SIZE(operations); i++)
                if (strcmp(operations[i]->name, name) == 0)
                        return operations[i];
        return NULL;
}

static int check_needs(const struct worker *worker, struct fault *fault) {
        const unsigned needs = worker->operation->needs;
        const char *missing = NULL;

        if (worker->image_path && (worker->image_fd >= 0 || worker->source_fd >= 0))
                return fault_set(fault, FWD_INVALID_ARGUMENT,
                                 "--image is given together with a descriptor");
        if (worker->source_fd >= 0 && worker->image_fd < 0)
                missing = "--image-fd, which --source-fd is copied into";
        if (needs & NEEDS_NODE && !worker->node && !worker->options.dry_run)
                missing = "--node";
        if (needs & NEEDS_TTY && !worker->tty)
                missing = "--tty";
        if (worker->hidraw && !(needs & MAY_HIDRAW))
                return fault_set(fault, FWD_INVALID_ARGUMENT, "%s takes no --hidraw",
                                 worker->operation->name);
        if (needs & NEEDS_NODE_OR_TTY && !!worker->node + !!worker->tty + !!worker->hidraw != 1)
                missing = "one of --node and --tty";
        if (needs & NEEDS_IMAGE && !worker->image_path && worker->image_fd < 0)
                missing = "--image";
        if (needs & NEEDS_OUTPUT && worker->output_fd < 0)
                missing = "--output";
        return missing ? fault_set(fault, FWD_INVALID_ARGUMENT, "%s needs %s",
                                   worker->operation->name, missing)
                       : 0;
}

enum {
        OPT_NODE = 256,
        OPT_TTY,
        OPT_HIDRAW,
        OPT_IMAGE_NAME,
        OPT_PORT,
        OPT_IMAGE,
        OPT_BOARD,
        OPT_EXPECT_ID,
        OPT_EXPECT_SERIAL,
        OPT_OPTION,
        OPT_IMAGE_FD,
        OPT_SOURCE_FD,
        OPT_REPORT_FD,
        OPT_OUTPUT,
        OPT_OUTPUT_FD,
        OPT_MAP,
        OPT_MCU,
        OPT_HELP,
        OPT_VERSION,
};

static const struct option long_options[] = {
        {"node", required_argument, NULL, OPT_NODE},
        {"tty", required_argument, NULL, OPT_TTY},
        {"hidraw", required_argument, NULL, OPT_HIDRAW},
        {"image-name", required_argument, NULL, OPT_IMAGE_NAME},
        {"port", required_argument, NULL, OPT_PORT},
        {"image", required_argument, NULL, OPT_IMAGE},
        {"board", required_argument, NULL, OPT_BOARD},
        {"expect-id", required_argument, NULL, OPT_EXPECT_ID},
        {"expect-serial", required_argument, NULL, OPT_EXPECT_SERIAL},
        {"option", required_argument, NULL, OPT_OPTION},
        {"image-fd", required_argument, NULL, OPT_IMAGE_FD},
        {"source-fd", required_argument, NULL, OPT_SOURCE_FD},
        {"report-fd", required_argument, NULL, OPT_REPORT_FD},
        {"output", required_argument, NULL, OPT_OUTPUT},
        {"output-fd", required_argument, NULL, OPT_OUTPUT_FD},
        {"map", required_argument, NULL, OPT_MAP},
        {"mcu", required_argument, NULL, OPT_MCU},
        {"help", no_argument, NULL, OPT_HELP},
        {"version", no_argument, NULL, OPT_VERSION},
        {},
};

static int take_argument(struct arguments *args, int option, struct fault *fault) {
        struct worker *worker = args->worker;

        switch (option) {
        case OPT_NODE:
                worker->node = optarg;
                return 0;
        case OPT_TTY:
                worker->tty = optarg;
                return 0;
        case OPT_HIDRAW:
                worker->hidraw = optarg;
                return 0;
        case OPT_IMAGE_NAME:
                worker->image_name = optarg;
                return 0;
        case OPT_PORT: /* the process list and the journal name the port by it */
                return 0;
        case OPT_IMAGE:
                worker->image_path = optarg;
                worker->image_name = optarg;
                return 0;
        case OPT_BOARD:
                args->board = optarg;
                return 0;
        case OPT_EXPECT_ID:
                return take_expected_id(worker, optarg, fault);
        case OPT_EXPECT_SERIAL:
                worker->expected_serial = optarg;
                return 0;
        case OPT_OPTION:
                return options_take(&worker->options, worker->operation->options, optarg, fault);
        case OPT_IMAGE_FD:
                return take_fd_number(optarg, "--image-fd", &worker->image_fd, fault);
        case OPT_SOURCE_FD:
                return take_fd_number(optarg, "--source-fd", &worker->source_fd, fault);
        case OPT_OUTPUT:
                return take_output(args, optarg, fault);
        case OPT_OUTPUT_FD:
                return take_fd_number(optarg, "--output-fd", &worker->output_fd, fault);
        case OPT_MAP:
                worker->map = optarg;
                return 0;
        case OPT_MCU:
                worker->mcu = optarg;
                return 0;
        case OPT_REPORT_FD:
                return take_fd_number(optarg, "--report-fd", &args->report_fd, fault);
        default:
                return fault_set(fault, FWD_INVALID_ARGUMENT,
                                 "fwd-worker does not know an argument, or misses its value; "
                                 "see fwd-worker --help");
        }
}

/* 0, 1 (nothing to do any more), negative with fault. All arguments are looked at even if one is
 * wrong, so that --report-fd behind it is found. */
static int parse_arguments(int argc, char **argv, struct arguments *args, struct fault *fault) {
        struct worker *worker = args->worker;
        int option, r = 0;

        if (argc > 1 && strcmp(argv[1], "--help") == 0) {
                print_help(stdout);
                return 1;
        }
        if (argc > 1 && strcmp(argv[1], "--version") == 0) {
                (void) puts("fwd-worker " FWD_VERSION);
                return 1;
        }
        worker->operation = argc > 1 ? find_operation(argv[1]) : NULL;
        if (!worker->operation)
                return fault_set(fault, FWD_INVALID_ARGUMENT,
                                 "The first argument is to be an operation; see fwd-worker --help");
        opterr = 0;
        while ((option = getopt_long(argc - 1, argv + 1, "", long_options, NULL)) != -1) {
                int e;

                if (option == OPT_HELP) {
                        print_help(stdout);
                        return 1;
                }
                e = take_argument(args, option, fault);
                if (r == 0)
                        r = e;
        }
        if (r == 0 && optind < argc - 1)
                r = fault_set(fault, FWD_INVALID_ARGUMENT, "There is an argument too many: %.40s",
                              argv[1 + optind]);
        if (r == 0)
                r = check_needs(worker, fault);
        return r;
}

/* -ENOENT: there is none. */
static int load_one(const char *name, struct board_profile **ret, struct fault *fault) {
        int r = board_profile_load(board_profile_dirs(), name, ret);

        if (r < 0)
                (void) fault_set(fault, FWD_INVALID_ARGUMENT,
                                 "The board profile %.40s cannot be loaded: %s", name,
                                 strerror(-r));
        return r;
}

/* With what the board may turn out to be: no file is opened once it is. */
static int load_profile(struct arguments *args, struct fault *fault) {
        struct worker *worker = args->worker;
        size_t n = 0;
        int r;

        if (!args->board)
                return 0;
        r = load_one(args->board, &worker->profile, fault);
        if (r < 0 || !worker->profile->otp_boards)
                return r == -ENOENT ? -EINVAL : r;
        for (char **name = worker->profile->otp_boards; *name; name++) {
                r = load_one(*name, &worker->otp_profiles[n], fault);
                if (r == 0)
                        n++;
                else if (r != -ENOENT)
                        return r;
                else
                        *fault = (struct fault) FAULT_INIT;
        }
        return 0;
}

/* Nothing was written to it, or not all. */
static void drop_output(const struct arguments *args, int exit_code) {
        struct stat st;

        if (args->output && (exit_code != FWD_EXIT_OK ||
                             (fstat(args->worker->output_fd, &st) == 0 && st.st_size == 0)))
                (void) unlink(args->output);
}

int main(int argc, char **argv) {
        const pid_t parent = getppid();
        struct worker worker = {
                .image_file = -EBADF,
                .image_fd = -EBADF,
                .source_fd = -EBADF,
                .output_fd = -EBADF,
                .options = OPTIONS_INIT,
        };
        struct arguments args = {.worker = &worker, .report_fd = -EBADF};
        struct fault fault = FAULT_INIT;
        int r;

        log_setup();
        cancel_setup();
        r = parse_arguments(argc, argv, &args, &fault);
        if (r > 0)
                return EXIT_SUCCESS;
        reporter_init(&worker.reporter, args.report_fd, stdout);
        worker.reporter.lost = &cancel_flag;
        if (r == 0) {
                r = sandbox_enter(parent, args.report_fd >= 0);
                if (r < 0)
                        (void) fault_set(&fault, FWD_FAILED, "The worker cannot limit itself: %s",
                                         strerror(-r));
        }
        if (r == 0)
                r = load_profile(&args, &fault);
        if (r == 0) {
                const struct sandbox_needs needs = {.tty = worker.tty, .output = args.output};

                files_open(&worker);
                r = sandbox_confine(&needs, &fault);
        }
        if (r < 0) {
                reporter_result(&worker.reporter, &fault);
                drop_output(&args, FWD_EXIT_FAILURE);
                files_close(&worker);
                return fwd_error_exit_code(fault.error);
        }
        r = worker_run(&worker);
        drop_output(&args, r);
        files_close(&worker);
        worker.profile = board_profile_free(worker.profile);
        for (size_t i = 0; i < ARRAY_SIZE(worker.otp_profiles); i++)
                worker.otp_profiles[i] = board_profile_free(worker.otp_profiles[i]);
        return r;
}
