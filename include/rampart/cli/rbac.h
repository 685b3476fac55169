/* The commands below `rampart rbac`, one function each, which returns an exit code (cli.h). */
#ifndef RAMPART_CLI_RBAC_H
#define RAMPART_CLI_RBAC_H

int rbac_findings_command(int argc, char **argv); /* argv[0] is the command's name, in each */
int rbac_learn_command(int argc, char **argv);

#endif
