#include "loader/trust.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

char *tenon__trust_own_path(void) {
    static const char anchor = 0; /* an address inside the file asked for */
    Dl_info info;
    struct link_map *map = NULL;
    if (!dladdr1(&anchor, &info, (void **)&map, RTLD_DL_LINKMAP) || !map) return NULL;
    return realpath(map->l_name[0] ? map->l_name : "/proc/self/exe", NULL);
}

/* Judges one component of a path; non-OK ends the walk. */
typedef tenonh_reason (*visit_function)(void *context, const char *component, const struct stat *status);

static tenonh_reason visit(const char *component, visit_function function, void *context) {
    struct stat status;
    if (lstat(component, &status) != 0) return TENONH_REASON_UNREADABLE;
    return function(context, component, &status);
}

/* Visits "/", "/a", "/a/b" of "/a/b". */
static tenonh_reason walk(const char *path, visit_function function, void *context) {
    char prefix[PATH_MAX];
    size_t length = strlen(path);
    if (length >= sizeof prefix || path[0] != '/') return TENONH_REASON_UNREADABLE;
    TENON__ACCEPT(visit("/", function, context));
    for (size_t end = 1; end <= length; end++) {
        if ((path[end] != '/' && path[end] != '\0') || path[end - 1] == '/') continue;
        memcpy(prefix, path, end);
        prefix[end] = '\0';
        TENON__ACCEPT(visit(prefix, function, context));
    }
    return TENONH_REASON_OK;
}

/* In a sticky folder (/tmp) others may add entries but not replace ours. */
static int is_shared_safely(const struct stat *status) {
    return S_ISDIR(status->st_mode) && (status->st_mode & S_ISVTX) != 0;
}

static int knows_owner(const tenon__trust *trust, uid_t owner) {
    for (uint32_t i = 0; i < trust->owner_count; i++)
        if (trust->owners[i] == owner) return 1;
    return 0;
}

static int knows_group(const tenon__trust *trust, gid_t group) {
    for (uint32_t i = 0; i < trust->group_count; i++)
        if (trust->groups[i] == group) return 1;
    return 0;
}

static void accept_owner(tenon__trust *trust, uid_t owner) {
    if (!knows_owner(trust, owner) && trust->owner_count < TENON__TRUST_LIMIT)
        trust->owners[trust->owner_count++] = owner;
}

static void accept_group(tenon__trust *trust, gid_t group) {
    if (!knows_group(trust, group) && trust->group_count < TENON__TRUST_LIMIT)
        trust->groups[trust->group_count++] = group;
}

static tenonh_reason accept_component(void *context, const char *component, const struct stat *status) {
    tenon__trust *trust = context;
    (void)component;
    accept_owner(trust, status->st_uid);
    if (is_shared_safely(status)) return TENONH_REASON_OK;
    if (status->st_mode & S_IWGRP) accept_group(trust, status->st_gid);
    if (status->st_mode & S_IWOTH) trust->everyone = 1;
    return TENONH_REASON_OK;
}

void tenon__trust_init(tenon__trust *out_trust) {
    int raised = getauxval(AT_SECURE) != 0 || geteuid() != getuid() || getegid() != getgid();
    *out_trust = (tenon__trust){.strict = raised ? 1 : 0};
    accept_owner(out_trust, 0);
    if (out_trust->strict) return;
    accept_owner(out_trust, geteuid());
    char *own = tenon__trust_own_path();
    if (own) walk(own, accept_component, out_trust);
    free(own);
}

typedef struct judgement {
    const tenon__trust *trust;
    tenon__verdict *verdict;
} judgement;

static tenonh_reason judge_component(void *context, const char *component, const struct stat *status) {
    const judgement *j = context;
    if (S_ISLNK(status->st_mode))
        return tenon__refuse(j->verdict, TENONH_REASON_UNREADABLE, "%s became a symbolic link", component);
    if (!knows_owner(j->trust, status->st_uid))
        return tenon__refuse(j->verdict, TENONH_REASON_FOREIGN_OWNER, "%s belongs to user %u", component,
                             (unsigned)status->st_uid);
    if (is_shared_safely(status)) return TENONH_REASON_OK;
    if ((status->st_mode & S_IWOTH) && !j->trust->everyone)
        return tenon__refuse(j->verdict, TENONH_REASON_OPEN_TO_WRITES, "everybody may write %s", component);
    if ((status->st_mode & S_IWGRP) && !j->trust->everyone && !knows_group(j->trust, status->st_gid))
        return tenon__refuse(j->verdict, TENONH_REASON_OPEN_TO_WRITES, "group %u may write %s",
                             (unsigned)status->st_gid, component);
    return TENONH_REASON_OK;
}

tenonh_reason tenon__trust_path(const tenon__trust *trust, const char *path, tenon__verdict *verdict) {
    judgement j = {trust, verdict};
    tenonh_reason reason = walk(path, judge_component, &j);
    if (reason == TENONH_REASON_UNREADABLE)
        tenon__refuse(verdict, reason, "%s: a part of the path cannot be examined", path);
    return reason;
}
