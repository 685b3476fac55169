/*
 * The command line: `rampart controller|plan|eval|rules|who-can|rbac|health|version`. Each command
 * is a function that returns an exit code.
 *
 *   0  done (plan: nothing would change)      3  plan: Enforce would change something;
 *                                                eval: a pod fails or cannot be told;
 *                                                rbac findings: something is found, or cannot be
 *                                                told; who-can: a role or binding cannot be read;
 *                                                rbac learn: not all that was seen has room
 *   1  it failed; the last line of stderr says why and what to do
 *   2  wrong usage
 */
#ifndef RAMPART_CLI_CLI_H
#define RAMPART_CLI_CLI_H

enum exit_code { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_CHANGES = 3 };

int cli_main(int argc, char **argv); /* all of main() */

int controller_command(int argc, char **argv); /* argv[0] is the command's name, in each */
int plan_command(int argc, char **argv);
int eval_command(int argc, char **argv);
int rules_command(int argc, char **argv);
int who_can_command(int argc, char **argv);
int rbac_command(int argc, char **argv);
int health_command(int argc, char **argv);
int version_command(int argc, char **argv);

extern const char *const rampart_version;

#endif
