/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "worker/config-session.h"

#include <stdarg.h>
#include <string.h>

#include "base/text.h"

/* Kept free in a list for "and N more". */
#define LIST_TAIL 32U

static void tell_reboot(struct config_session *session) {
        reporter_fact(&session->worker->reporter, "Rebooting", "yes");
}

void config_session_close(struct config_session *session) {
        if (session->open && fc_cli_leave(&session->cli, session->changed))
                tell_reboot(session);
        session->open = false;
        fc_cli_clear(&session->cli);
        session->port = serial_close(session->port);
}

int config_session_identify(struct config_session *ret, struct worker *worker,
                            struct fault *fault) {
        struct config_session session = {.worker = worker};
        int r;

        /* An armed board's command line is closed to us, and restarting it would be worse. */
        r = worker_identify_disarmed(worker, &session.port, &session.identity, fault);
        if (r < 0)
                session.port = serial_close(session.port);
        else
                *ret = session;
        return r;
}

int config_session_enter(struct config_session *session, struct fault *fault) {
        int r = fc_cli_open(&session->cli, session->port, &session->identity, fault);

        if (r < 0)
                return serial_blame(session->port, r, fault);
        session->open = true;
        reporter_fact(&session->worker->reporter, "Method", "%s",
                      session->cli.framed ? "framed-cli" : "interactive-cli");
        return 0;
}

int config_session_open(struct config_session *ret, struct worker *worker, struct fault *fault) {
        _cleanup_config_session_ struct config_session session = {.worker = worker};
        int r;

        r = config_session_identify(&session, worker, fault);
        if (r == 0)
                r = config_session_enter(&session, fault);
        if (r < 0)
                return r;
        *ret = session;
        session = (struct config_session){.worker = worker};
        return 0;
}

int config_session_read(struct config_session *session, enum fc_cli_config what,
                        struct fc_config **ret, struct fault *fault) {
        _cleanup_fc_config_ struct fc_config *config = NULL;
        struct fault parse = FAULT_INIT;
        int r;

        r = fc_cli_read_config(&session->cli, what, fault);
        /* It is read again, later. Not once something has been set: that is the restore's to clean
         * up. */
        if (r < 0)
                return session->changed ? r : serial_blame(session->port, r, fault);
        if (!session->changed && serial_is_shared(session->port))
                return serial_shared_fault(session->port, fault);
        r = fc_config_parse(session->cli.reply, session->cli.size, &config, &parse);
        if (r < 0)
                return fault_set(fault, FWD_BAD_ANSWER,
                                 "The board on %s does not give its configuration: %s",
                                 session->port->name, parse.message);
        if (strcmp(config->variant, session->identity.variant) != 0 || !config->is_whole)
                return fault_set(fault, FWD_BAD_ANSWER,
                                 "What the board on %s gives as its configuration is none of %s",
                                 session->port->name, fc_variant_name(&session->identity));
        *ret = TAKE_PTR(config);
        return 0;
}

int config_session_save(struct config_session *session, struct fault *fault) {
        int r = fc_cli_save(&session->cli, fault);

        if (r > 0) {
                session->open = session->changed = false;
                tell_reboot(session);
        }
        return r;
}

int config_load(struct worker *worker, struct fc_config **ret, struct fault *fault) {
        _cleanup_image_bytes_ struct image_bytes bytes = {};
        int r = worker_take_bytes(worker, &bytes, fault);

        if (r < 0) {
                if (fault->error == FWD_INVALID_IMAGE || fault->error == FWD_IMAGE_TOO_LARGE)
                        fault->error = FWD_INVALID_CONFIG;
                return r;
        }
        return fc_config_parse(bytes.data, bytes.size, ret, fault);
}

int config_sections(const struct worker *worker, unsigned *ret, struct fault *fault) {
        char words[OPTION_ONLY_SIZE], *rest = words;
        unsigned sections = 0;

        if (!worker->options.only[0]) {
                *ret = (1U << _FC_SECTION_MAX) - 1;
                return 0;
        }
        memcpy(words, worker->options.only, sizeof(words));
        for (const char *word; (word = strsep(&rest, ","));) {
                int section = fc_section_from_name(word);

                if (section < 0)
                        return fault_set(fault, FWD_INVALID_ARGUMENT,
                                         "A configuration has no part \"%.20s\"; it has serial, "
                                         "receiver, modes, osd, vtx, led, pids, rates and other",
                                         word);
                sections |= 1U << section;
        }
        *ret = sections;
        return 0;
}

void config_list_add(struct config_list *list, const char *format, ...) {
        const size_t used = strlen(list->text), room = list->room ? list->room : CONFIG_LIST_SHORT;
        char item[512];
        va_list ap;

        va_start(ap, format);
        (void) vsnprintf(item, sizeof(item), format, ap);
        va_end(ap);
        list->n++;
        /* Once one did not fit, later ones are not shown either: a list is read from its start. */
        if (list->shown + 1 < list->n || used + strlen(item) + 2 + LIST_TAIL > room)
                return;
        (void) snprintf(list->text + used, room - used, "%s%s", used ? "; " : "", item);
        list->shown++;
}

void config_list_report(const struct config_list *list, struct reporter *reporter,
                        const char *key) {
        char name[48];

        reporter_fact(reporter, key, "%zu", list->n);
        if (list->n == 0)
                return;
        (void) snprintf(name, sizeof(name), "%sLines", key);
        if (list->shown < list->n)
                reporter_fact(reporter, name, "%s%sand %zu more", list->text,
                              list->shown ? "; " : "", list->n - list->shown);
        else
                reporter_fact(reporter, name, "%s", list->text);
}
