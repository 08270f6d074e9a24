"""REST and in-process clients, informers, work queue, event recorder."""
