// SPDX-License-Identifier: Apache-2.0

// Package bench measures Ebb and, in the same run, what others need for the same on this machine, and prints it as
// one table.
//
// # Words
//
// A section is one question and its figures. A figure has a unit and may have a goal; the table shows whether it is met, and nothing
// fails when it is not. The source is a hub that holds a published content, the sink is an agent that fetches it: real processes,
// built from this tree, over loopback, with the encryption they always have. A round is one transfer to a sink that has nothing yet.
//
// # How it is measured
//
// Goodput runs from the moment the sink accepts the request: to the moment it says that every chunk is verified and
// durable, and to the moment the assembled output is in its place. CPU time is that of the two processes, user and system, in
// that time only, from /proc/PID/stat; peak memory is VmHWM, started anew when the transfer starts. Both are zero on systems
// without /proc. Of several rounds the one with the median goodput is shown. Stages (room bench/stage) and references (room
// bench/reference) run in the process of the benchmark.
//
// Whole locations (room bench/sites) are processes in network namespaces behind emulated uplinks. They need Linux and root; elsewhere
// their figures are missing, and say so. Section plan lays beside some of them what ebb sim plan says of the same lines and sizes.
//
// A crash round kills the sink with SIGKILL in the middle, starts it again and lets it finish. What was fetched
// again is what the source has sent to it, less the size of the content. That counts pieces that were cut and handed to the
// carrier but never arrived: it is never too low.
//
// Many hosts of one hub (room bench/beside) are guests, hundreds in a process, with the core, the client and the bus that hosts have, and
// without a store and a network of their own: sections control (commands to thousands, and what the hub needs for it), storm (the
// hub is killed, and all come back) and cluster (NATS servers are killed, frozen and cut off). Section pause measures from a command to the last
// byte of a real transfer.
//
// # What is not promised
//
// The machine is not made quiet: the load at the start is printed beside the figures. Everything lies in one temporary folder,
// whose file system is printed too; where that is memory, syncs cost nothing and the figures are flattered.
package bench
