"""What people and programs are told of a sweep: messages as plain values, made from its report; one form a channel."""
