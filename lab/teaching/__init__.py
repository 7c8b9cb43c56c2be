"""What an instructor hands out: concept questions (GIFT, QTI 2.1, paper), handout, worksheet."""
