/* The worker: opens the device, lists and runs rows as the harness commands, and tells what it sees. What the harness and
 * the device do to each other happens in processes like this one, and nowhere else.
 *
 * Commands and their answers:
 *   open  {"plugin" | "id", "index", "layers", "probe", "seed"}
 *                              -> {"open":{...}} or {"refused":{"reason", "detail", "exit"}}
 *   list  {"profile"}          -> {"cases":[{"case", "ns", "rows":[ROW...]}]}
 *   rows  {"passes":[{"case", "rows":[ROW...]}]}
 *                              -> {"begin", "requirements"} and {"end", ...} for each, then {"done", "resources":{...}}
 *   close {}                   -> {"closed"}, and the process ends
 * Any answer may be {"sick":TEXT} in place of the rest: the device does not work any more, and the process ends. */
#ifndef TENON_HARNESS_WORKER_H
#define TENON_HARNESS_WORKER_H

int cfh_worker_main(void);

#endif
