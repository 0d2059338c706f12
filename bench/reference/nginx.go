// SPDX-License-Identifier: Apache-2.0

package reference

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// ErrNotInstalled: nginx or curl is not on this machine.
var ErrNotInstalled = errors.New("nginx and curl are not both installed")

// nginxLimit is how long nginx may take to answer its first connection.
const nginxLimit = 10 * time.Second

// nginxConfig runs one process in the foreground with everything it writes in the folder %[1]s.
const nginxConfig = `daemon off;
master_process off;
pid %[1]s/pid;
error_log stderr;
events {}
http {
	access_log off;
	sendfile on;
	client_body_temp_path %[1]s/body;
	proxy_temp_path %[1]s/proxy;
	fastcgi_temp_path %[1]s/fastcgi;
	uwsgi_temp_path %[1]s/uwsgi;
	scgi_temp_path %[1]s/scgi;
	server {
		listen %[2]s;
		root %[1]s/root;
	}
}
`

// Nginx moves bytes from nginx to curl over plain HTTP, from a file that is in memory to no file. ErrNotInstalled where one
// of them is missing.
func Nginx(size int64) (Result, error) {
	nginx, err := find("nginx", "/usr/sbin/nginx", "/usr/local/sbin/nginx")
	if err != nil {
		return Result{}, err
	}
	curl, err := find("curl")
	if err != nil {
		return Result{}, err
	}
	folder, err := os.MkdirTemp("", "ebb-nginx-")
	if err != nil {
		return Result{}, fmt.Errorf("make a folder for nginx: %w", err)
	}
	defer func() { _ = os.RemoveAll(folder) }()
	address, err := furnish(folder, size)
	if err != nil {
		return Result{}, err
	}
	server, err := serve(nginx, folder, address)
	if err != nil {
		return Result{}, err
	}
	result, err := download(curl, "http://"+address+"/file", size)
	if err := errors.Join(err, server.stop()); err != nil {
		return Result{}, err
	}
	result.CPUSeconds += seconds(server.command.ProcessState)
	return result, nil
}

// find looks where a name alone leads, then in the places named: administrators' programs are not on everybody's path.
func find(names ...string) (string, error) {
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%w: no %s", ErrNotInstalled, names[0])
}

// furnish writes nginx's configuration and the file to serve, and chooses a free address.
func furnish(folder string, size int64) (address string, err error) {
	probe, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port for nginx: %w", err)
	}
	address = probe.Addr().String()
	if err := probe.Close(); err != nil {
		return "", fmt.Errorf("find a free port for nginx: %w", err)
	}
	root := filepath.Join(folder, "root")
	err = errors.Join(
		os.Chmod(folder, 0o755), // nginx may give up root's rights before it reads
		os.Mkdir(root, 0o755),
		os.WriteFile(filepath.Join(folder, "conf"), fmt.Appendf(nil, nginxConfig, folder, address), 0o644),
		os.WriteFile(filepath.Join(root, "file"), nil, 0o644),
		os.Truncate(filepath.Join(root, "file"), size), // a hole: read without a disk
		readOnce(filepath.Join(root, "file")),
	)
	if err != nil {
		return "", fmt.Errorf("prepare nginx in %s: %w", folder, err)
	}
	return address, nil
}

// readOnce brings a file to memory, as far as there is room.
func readOnce(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, f)
	return errors.Join(err, f.Close())
}

// A server is a process that runs until it is stopped.
type server struct {
	command  *exec.Cmd
	complain bytes.Buffer
}

// serve starts nginx and waits until it answers.
func serve(nginx, folder, address string) (*server, error) {
	s := &server{command: exec.Command(nginx, "-p", folder, "-c", filepath.Join(folder, "conf"))}
	s.command.Stderr = &s.complain
	if err := s.command.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", nginx, err)
	}
	for deadline := time.Now().Add(nginxLimit); ; time.Sleep(20 * time.Millisecond) {
		conn, err := net.DialTimeout("tcp", address, time.Second)
		if err == nil {
			return s, conn.Close()
		}
		if time.Now().After(deadline) {
			return nil, errors.Join(fmt.Errorf("%s does not answer on %s: %w", nginx, address, err), s.stop())
		}
	}
}

// stop asks the process to end and waits for it, so that its CPU time is known.
func (s *server) stop() error {
	if err := s.command.Process.Signal(os.Interrupt); err != nil {
		return errors.Join(fmt.Errorf("stop nginx: %w: %s", err, s.complain.String()), s.command.Process.Kill(), s.command.Wait())
	}
	if err := s.command.Wait(); err != nil {
		return fmt.Errorf("nginx ended badly: %w: %s", err, s.complain.String())
	}
	return nil
}

func download(curl, url string, size int64) (Result, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, curl, "--silent", "--show-error", "--fail", "--noproxy", "*",
		"--output", os.DevNull, "--write-out", "%{size_download}", url)
	start := time.Now()
	out, err := command.Output()
	took := time.Since(start)
	if err != nil {
		return Result{}, fmt.Errorf("download %s with curl: %w", url, err)
	}
	if got := string(out); got != fmt.Sprint(size) {
		return Result{}, fmt.Errorf("curl got %s of %d bytes", got, size)
	}
	return Result{Bytes: size, Seconds: took.Seconds(), CPUSeconds: seconds(command.ProcessState)}, nil
}

func seconds(p *os.ProcessState) float64 { return (p.UserTime() + p.SystemTime()).Seconds() }
