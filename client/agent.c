/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/agent.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define AGENT                  "pkttyagent"
#define AGENT_START_TIMEOUT_MS 5000 /* it closes the descriptor when it is registered, or ends */

static void run_agent(int notify_fd) {
        char number[16];
        sigset_t none;

        /* Past a first job those that end fwctl are blocked here (client/job-watch.c); the agent
         * has to end by them. */
        (void) sigemptyset(&none);
        (void) sigprocmask(SIG_SETMASK, &none, NULL);
        (void) prctl(PR_SET_PDEATHSIG, SIGTERM);
        /* The descriptor is inherited on purpose. */
        if (fcntl(notify_fd, F_SETFD, 0) < 0)
                _exit(EXIT_FAILURE);
        (void) snprintf(number, sizeof(number), "%d", notify_fd);
        (void) execlp(AGENT, AGENT, "--notify-fd", number, "--fallback", NULL);
        _exit(EXIT_FAILURE);
}

void agent_start(const struct client *c, struct agent *agent) {
        int ends[2];
        pid_t pid;

        agent->pid = 0;
        /* Standard input counts: this is about who could type. */
        if (c->options.no_ask_password || c->options.direct || geteuid() == 0 ||
            !isatty(STDIN_FILENO))
                return;
        if (pipe2(ends, O_CLOEXEC) < 0)
                return;
        pid = fork();
        if (pid == 0)
                run_agent(ends[1]);
        (void) fd_close(ends[1]);
        if (pid > 0) {
                struct pollfd poll_fd = {.fd = ends[0]};

                (void) poll(&poll_fd, 1, AGENT_START_TIMEOUT_MS);
                agent->pid = pid;
        }
        (void) fd_close(ends[0]);
}

void agent_stop(struct agent *agent) {
        if (agent->pid <= 0)
                return;
        (void) kill(agent->pid, SIGTERM);
        (void) kill(agent->pid, SIGCONT); /* it may have been stopped by the terminal */
        while (waitpid(agent->pid, NULL, 0) < 0 && errno == EINTR)
                ;
        agent->pid = 0;
}
