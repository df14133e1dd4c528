/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/polkit.h"

#include <string.h>

#include "base/error.h"

/* Which action stands for which method. A method that is not here is refused. */
static const struct {
        const char *interface, *member, *action, *forced;
} actions[] = {
        {MANAGER_INTERFACE, "Flash", "org.fwctl1.flash", "org.fwctl1.flash-force"},
        {MANAGER_INTERFACE, "RebootToBootloader", "org.fwctl1.reboot", NULL},
        {DEVICE_INTERFACE, "Flash", "org.fwctl1.flash", "org.fwctl1.flash-force"},
        {DEVICE_INTERFACE, "RebootToBootloader", "org.fwctl1.reboot", NULL},
        {DEVICE_INTERFACE, "Identify", "org.fwctl1.identify", NULL},
        {DEVICE_INTERFACE, "Leave", "org.fwctl1.leave", NULL},
        {DEVICE_INTERFACE, "ReadFlash", "org.fwctl1.read", NULL},
        {DEVICE_INTERFACE, "Erase", "org.fwctl1.erase", NULL},
        {DEVICE_INTERFACE, "Unprotect", "org.fwctl1.unprotect", NULL},
        {DEVICE_INTERFACE, "BackupConfig", "org.fwctl1.backup", NULL},
        {DEVICE_INTERFACE, "RestoreConfig", "org.fwctl1.restore", "org.fwctl1.restore-force"},
        {DEVICE_INTERFACE, "ApplyCustomDefaults", "org.fwctl1.restore", NULL},
        {MANAGER_INTERFACE, "GetBackup", "org.fwctl1.backup", NULL},
        {DEVICE_INTERFACE, "RecoverBootloader", "org.fwctl1.recover-bootloader", NULL},
        {JOB_INTERFACE, "Cancel", "org.fwctl1.cancel-others", NULL},
};

/* A plan asks the board, and changes nothing on it. */
#define DRY_RUN_ACTION          "org.fwctl1.identify"

#define PENDING_MAX             64U        /* calls that wait for an answer, of all callers */
#define PENDING_PER_USER_MAX    16U        /* so that one user cannot keep all others waiting */
#define CHECK_ALLOW_INTERACTION 1U         /* polkit's CheckAuthorizationFlags */
#define NO_TIMEOUT              UINT64_MAX /* a person may be typing a password */
#define POLKIT_TIMEOUT_US       (25ULL * 1000 * 1000)

enum verdict { VERDICT_PENDING, VERDICT_YES, VERDICT_NO, VERDICT_CHALLENGE, VERDICT_TOO_MANY };

struct authorization {
        struct authorization *next;
        struct service *service;
        sd_bus_message *message;
        const char *action;
        char *board, *image;
        uid_t owner, uid;
        enum verdict verdict;
        sd_bus_slot *call;
        sd_event_source *expiry;
};

static void authorization_free(struct authorization *a) {
        sd_bus_slot_unref(a->call);
        sd_event_source_unref(a->expiry);
        sd_bus_message_unref(a->message);
        free(a->board);
        free(a->image);
        free(a);
}
DEFINE_CLEANUP(struct authorization *, authorization_free)

static void forget(struct authorization *a) {
        struct authorization **at = &a->service->authorizations;

        while (*at != a)
                at = &(*at)->next;
        *at = a->next;
        authorization_free(a);
}

void authorizations_clear(struct service *service) {
        while (service->authorizations)
                forget(service->authorizations);
}

static const char *find_action(sd_bus_message *m, const struct authorize_request *request) {
        const char *interface = sd_bus_message_get_interface(m);
        const char *member = sd_bus_message_get_member(m);

        for (size_t i = 0; interface && member && i < ARRAY_SIZE(actions); i++)
                if (strcmp(actions[i].interface, interface) == 0 &&
                    strcmp(actions[i].member, member) == 0)
                        return request->dry_run                       ? DRY_RUN_ACTION
                               : request->forced && actions[i].forced ? actions[i].forced
                                                                      : actions[i].action;
        return NULL;
}

static int on_expired(sd_event_source *source, void *userdata) {
        forget(userdata);
        return 0;
}

/* The handler runs again, from the top. If it does not come back here, because the board has gone
 * meanwhile, the answer is forgotten as soon as the loop has nothing better to do. */
static void decide(struct authorization *a, enum verdict verdict) {
        a->verdict = verdict;
        a->call = sd_bus_slot_unref(a->call);
        if (sd_event_add_defer(a->service->event, &a->expiry, on_expired, a) < 0 ||
            sd_event_source_set_priority(a->expiry, SD_EVENT_PRIORITY_IDLE) < 0 ||
            sd_bus_message_rewind(a->message, true) < 0 ||
            sd_bus_enqueue_for_read(a->service->bus, a->message) < 0)
                forget(a);
}

/* Without polkit's word: who has the machine, or the service, already. */
static enum verdict judge_by_uid(const struct authorization *a) {
        return a->uid == 0 || a->uid == geteuid() ? VERDICT_YES : VERDICT_NO;
}

static int on_polkit(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        struct authorization *a = userdata;
        int yes, challenge;

        if (sd_bus_message_is_method_error(reply, NULL) ||
            sd_bus_message_enter_container(reply, 'r', "bba{ss}") < 0 ||
            sd_bus_message_read(reply, "bb", &yes, &challenge) < 0) {
                decide(a, judge_by_uid(a));
                return 0;
        }
        decide(a, yes ? VERDICT_YES : challenge ? VERDICT_CHALLENGE : VERDICT_NO);
        return 0;
}

static int append_details(sd_bus_message *m, const struct authorization *a) {
        int r = sd_bus_message_open_container(m, 'a', "{ss}");

        if (r >= 0 && a->board)
                r = sd_bus_message_append(m, "{ss}", "board", a->board);
        if (r >= 0 && a->image)
                r = sd_bus_message_append(m, "{ss}", "image", a->image);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int ask_polkit(struct authorization *a) {
        _cleanup_(sd_bus_message_unref_p) sd_bus_message *call = NULL;
        bool interactive = sd_bus_message_get_allow_interactive_authorization(a->message) > 0;
        int r;

        r = sd_bus_message_new_method_call(a->service->bus, &call, "org.freedesktop.PolicyKit1",
                                           "/org/freedesktop/PolicyKit1/Authority",
                                           "org.freedesktop.PolicyKit1.Authority",
                                           "CheckAuthorization");
        if (r < 0)
                return r;
        r = sd_bus_message_append(call, "(sa{sv})s", "system-bus-name", 1, "name", "s",
                                  sd_bus_message_get_sender(a->message), a->action);
        if (r < 0)
                return r;
        r = append_details(call, a);
        if (r < 0)
                return r;
        r = sd_bus_message_append(call, "us", interactive ? CHECK_ALLOW_INTERACTION : 0, "");
        if (r < 0)
                return r;
        a->call = sd_bus_slot_unref(a->call);
        return sd_bus_call_async(a->service->bus, &a->call, call, on_polkit, a,
                                 interactive ? NO_TIMEOUT : POLKIT_TIMEOUT_US);
}

static size_t pending_of(const struct service *service, uid_t uid) {
        size_t n = 0;

        for (const struct authorization *a = service->authorizations; a; a = a->next)
                if (a->uid == uid)
                        n++;
        return n;
}

static int on_uid(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        struct authorization *a = userdata;
        uint32_t uid;

        if (sd_bus_message_is_method_error(reply, NULL) ||
            sd_bus_message_read(reply, "u", &uid) < 0) {
                forget(a); /* the caller has gone: nobody to answer */
                return 0;
        }
        a->uid = uid;
        if (a->owner != NOBODYS_UID && a->owner == a->uid)
                decide(a, VERDICT_YES);
        else if (pending_of(a->service, a->uid) > PENDING_PER_USER_MAX)
                decide(a, VERDICT_TOO_MANY);
        else if (ask_polkit(a) < 0)
                decide(a, judge_by_uid(a));
        return 0;
}

/* For who is not at the machine, or is no administrator. */
#define WHAT_TO_ASK_FOR                                                                            \
        "Run fwctl on a terminal (over ssh: ssh -t) to be asked for an administrator's password, " \
        "or ask an administrator for a polkit rule, as fwd(8) shows it."

static int refuse(const char *action, enum verdict verdict, sd_bus_error *error) {
        const char *name = fwd_error_bus_name(FWD_NOT_AUTHORIZED);

        switch (verdict) {
        case VERDICT_TOO_MANY:
                return sd_bus_error_set(error, fwd_error_bus_name(FWD_LIMIT_EXCEEDED),
                                        "Too many calls wait for authorization. Nothing was "
                                        "changed. Try again later.");
        case VERDICT_CHALLENGE:
                return sd_bus_error_setf(error, name,
                                         "You must authenticate for that (%s), and this call gave "
                                         "no way to ask you. Nothing was changed. " WHAT_TO_ASK_FOR,
                                         action);
        default:
                return sd_bus_error_setf(error, name,
                                         "You are not allowed to do that (%s). Nothing was "
                                         "changed. " WHAT_TO_ASK_FOR,
                                         action);
        }
}

static char *copy(const char *text) {
        return text && *text ? strdup(text) : NULL;
}

static int ask(struct service *service, sd_bus_message *m, const struct authorize_request *request,
               const char *action, sd_bus_error *error) {
        _cleanup_(authorization_free_p) struct authorization *a = NULL;
        size_t n = 0;
        int r;

        for (const struct authorization *other = service->authorizations; other;
             other = other->next)
                n++;
        if (n >= PENDING_MAX)
                return refuse(action, VERDICT_TOO_MANY, error);
        a = calloc(1, sizeof(*a));
        if (!a)
                return -ENOMEM;
        *a = (struct authorization){
                .service = service,
                .message = sd_bus_message_ref(m),
                .action = action,
                .board = copy(request->board),
                .image = copy(request->image),
                .owner = request->owner,
                .uid = NOBODYS_UID,
        };
        r = sd_bus_call_method_async(service->bus, &a->call, "org.freedesktop.DBus",
                                     "/org/freedesktop/DBus", "org.freedesktop.DBus",
                                     "GetConnectionUnixUser", on_uid, a, "s",
                                     sd_bus_message_get_sender(m));
        if (r < 0)
                return r;
        a->next = service->authorizations;
        service->authorizations = TAKE_PTR(a);
        return 0;
}

int authorize(struct service *service, sd_bus_message *message,
              const struct authorize_request *request, uid_t *ret_uid, sd_bus_error *error) {
        const char *action = find_action(message, request);
        enum verdict verdict;

        if (!action)
                return refuse("unknown method", VERDICT_NO, error);
        if (service->direct) { /* who calls is who it runs as, and has no more rights by it */
                *ret_uid = getuid();
                return 1;
        }
        for (struct authorization *a = service->authorizations; a; a = a->next) {
                if (a->message != message)
                        continue;
                if (a->verdict == VERDICT_PENDING)
                        return 0;
                verdict = a->action == action ? a->verdict : VERDICT_NO;
                *ret_uid = a->uid;
                forget(a);
                return verdict == VERDICT_YES ? 1 : refuse(action, verdict, error);
        }
        return ask(service, message, request, action, error);
}
